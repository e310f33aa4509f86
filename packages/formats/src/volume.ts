/** Reads exactly `length` bytes of a volume at `offset`; shorter only at the end of the data. */
export type RandomRead = (offset: number, length: number) => Uint8Array | Promise<Uint8Array>;

/** A run of bytes of the volume. */
export interface VolumeRun {
  offset: number;
  length: number;
}
