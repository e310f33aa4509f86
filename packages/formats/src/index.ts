export type { CpioDevice, CpioDirectory, CpioEntry, CpioFile, CpioSymlink } from './cpio/entry.ts';
export { type CpioMember, type CpioReadOptions, readCpio } from './cpio/read.ts';
export { type CpioOptions, encodeCpio, writeCpio } from './cpio/write.ts';
export type { DlopenDependency } from './elf/dlopen.ts';
export { ELF_MACHINE, type ElfInfo, isElf, parseElf } from './elf/read.ts';
export { FormatsError, type FormatsErrorCode } from './error.ts';
export type { BytePath, IndexedEntry, TarEntry, TarEntryType } from './tar/entry.ts';
