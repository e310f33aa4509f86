export type { CpioDevice, CpioDirectory, CpioEntry, CpioFile, CpioSymlink } from './cpio/entry.ts';
export { type CpioMember, type CpioReadOptions, readCpio } from './cpio/read.ts';
export { type CpioOptions, encodeCpio, writeCpio } from './cpio/write.ts';
export type { DlopenDependency } from './elf/dlopen.ts';
export { ELF_MACHINE, type ElfInfo, isElf, parseElf } from './elf/read.ts';
export { FormatsError, type FormatsErrorCode } from './error.ts';
export {
  bytePathOf,
  checkSymlinkTarget,
  decodeLatin1,
  displayPath,
  encodeLatin1,
  MAX_NAME_BYTES,
  MAX_PATH_BYTES,
  normalizePath,
} from './tar/byte-path.ts';
export type { BytePath, IndexedEntry, TarEntry, TarEntryType } from './tar/entry.ts';
export { NO_XATTRS } from './tar/extensions.ts';
export { TAR_BLOCK } from './tar/header.ts';
export { TarParser } from './tar/parser.ts';
export { encodeHeader, TAR_END, tarPadding } from './tar/writer.ts';
