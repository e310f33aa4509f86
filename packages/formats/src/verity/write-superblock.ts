import { FormatsError } from '../error.ts';
import { VERITY_SUPERBLOCK_SIZE } from './superblock.ts';
import { VERITY_BLOCK } from './tree-plan.ts';

/** The 512 bytes that `veritysetup format` writes for SHA-256, hash type 1 and blocks of 4096 bytes. Throws FORMAT_INPUT. */
export function encodeVeritySuperblock(fields: { uuid: string; salt: Uint8Array; dataBlocks: number }): Uint8Array {
  const uuid = fields.uuid.replaceAll('-', '');
  if (!/^[0-9a-f]{32}$/i.test(uuid)) throw input(`the UUID "${fields.uuid.slice(0, 80)}"`);
  if (fields.salt.length > 256) throw input(`a salt of ${fields.salt.length} bytes`);
  const bytes = new Uint8Array(VERITY_SUPERBLOCK_SIZE);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode('verity'));
  view.setUint32(8, 1, true);
  view.setUint32(12, 1, true);
  for (let at = 0; at < 16; at++) bytes[16 + at] = Number.parseInt(uuid.slice(at * 2, at * 2 + 2), 16);
  bytes.set(new TextEncoder().encode('sha256'), 32);
  view.setUint32(64, VERITY_BLOCK, true);
  view.setUint32(68, VERITY_BLOCK, true);
  view.setBigUint64(72, BigInt(fields.dataBlocks), true);
  view.setUint16(80, fields.salt.length, true);
  bytes.set(fields.salt, 88);
  return bytes;
}

function input(why: string): FormatsError {
  return new FormatsError({ code: 'FORMAT_INPUT', message: `A verity superblock cannot hold ${why}` });
}
