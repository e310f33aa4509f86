import * as z from 'zod';

/** What the root step says about the root it made. */
export const RootRecord = z.strictObject({
  rootHash: z.string().regex(/^[0-9a-f]{64}$/),
  squashfsBytes: z.int().min(1),
  verityBytes: z.int().min(1),
  kernelVersion: z.string(),
  kernelBytes: z.int().min(1),
  /** Files, folders and links in the root. */
  entries: z.int().min(1),
});
export type RootRecord = z.infer<typeof RootRecord>;

/** Names of the files a root step leaves in its folder. */
export const ROOT_FILES = { squashfs: 'root.squashfs', verity: 'root.verity', kernel: 'vmlinuz' } as const;
