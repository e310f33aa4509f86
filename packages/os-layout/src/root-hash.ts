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
