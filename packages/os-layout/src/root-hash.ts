import { OsLayoutError } from './error.ts';

/** The GPT names of the two partitions that one root hash stands for. */
export interface SlotUuids {
  /** Unique GUID of the data partition: the first half of the root hash. */
  data: string;
  /** Unique GUID of the hash-tree partition: the second half. */
  hash: string;
}

/**
 * Partition GUIDs of a slot, which systemd-veritysetup-generator(8) derives from `roothash=` in the same way: so a
 * kernel command line chooses its slot by itself.
 *
 * @throws OsLayoutError `ROOT_HASH_INVALID` unless `rootHash` is 64 lower-case hex digits (sha256).
 */
export function slotUuids(rootHash: string): SlotUuids {
  checkRootHash(rootHash);
  return { data: formatUuid(rootHash.slice(0, 32)), hash: formatUuid(rootHash.slice(32)) };
}

/**
 * Partition GUIDs of the recovery slot that holds the root with this hash: those of a slot with every bit turned, so that the
 * same root may lie in a slot and in the recovery, and the hash can be told from the GUIDs (`rootHashOf`).
 *
 * @throws OsLayoutError `ROOT_HASH_INVALID`
 */
export function recoveryUuids(rootHash: string): SlotUuids {
  checkRootHash(rootHash);
  return slotUuids(turnBits(rootHash));
}

/** The root hash that the GUIDs of a slot, or of the recovery slot, stand for; undefined when they are none of such. */
export function rootHashOf(uuids: SlotUuids, slot: 'version' | 'recovery'): string | undefined {
  const hex = `${uuids.data}${uuids.hash}`.replaceAll('-', '').toLowerCase();
  if (!/^[0-9a-f]{64}$/.test(hex)) return undefined;
  return slot === 'recovery' ? turnBits(hex) : hex;
}

/** @throws OsLayoutError `ROOT_HASH_INVALID` */
export function checkRootHash(rootHash: string): void {
  if (/^[0-9a-f]{64}$/.test(rootHash)) return;
  throw new OsLayoutError({
    code: 'ROOT_HASH_INVALID',
    message: `${JSON.stringify(rootHash.slice(0, 80))} is not a verity root hash of 64 hex digits`,
  });
}

function formatUuid(hex: string): string {
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

function turnBits(hex: string): string {
  return hex.replaceAll(/[0-9a-f]/g, (digit) => (15 - Number.parseInt(digit, 16)).toString(16));
}
