import { BowlineError } from '@bowline/errors';
import type { FormatsErrorCode } from '@bowline/formats';
import type { OciErrorCode } from '@bowline/oci';
import type { OsLayoutErrorCode } from '@bowline/os-layout';

/** Everything that can go wrong between a bowl and its artefacts. */
export type ImageErrorCode =
  | 'BUILD_BUSY'
  | 'LOCK_STALE'
  | 'SOURCE_CHANGED'
  | 'SOURCE_MISSING'
  | 'OFFLINE_MISSING'
  | 'LAYER_INVALID'
  | 'LAYER_TOO_LARGE'
  | 'TOOL_MISSING'
  | 'TOOLBOX_FAILED'
  | 'KERNEL_MISSING'
  | 'KERNEL_MODULE_MISSING'
  | 'INIT_MISSING'
  | 'ARCH_MISMATCH'
  | 'SLOT_TOO_SMALL'
  | 'DISK_TOO_SMALL'
  | 'ENGINE_FAILED'
  | 'FOREIGN_ARCH'
  | 'CONTEXT_INVALID'
  | 'PACKAGE_MANAGER_MISSING'
  | 'PACKAGES_FAILED'
  | 'STORE_ARCHIVE_INVALID'
  | 'IMAGE_MISSING'
  | 'IMAGE_UNREADABLE'
  | 'SQUASHFS_FAILED'
  | 'KEYS_INVALID'
  | 'OUTPUT_REFUSED'
  | 'DISK_FULL';

/** A failed build, said in a sentence. */
export class ImageError extends BowlineError<ImageErrorCode> {}

/** Every code that an operation of this package can fail with, those of the packages below it included. */
export type PipelineErrorCode = ImageErrorCode | FormatsErrorCode | OciErrorCode | OsLayoutErrorCode;
