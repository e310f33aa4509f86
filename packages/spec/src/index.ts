export { Arch, Base, Bowl, FileEntry, FirmwareSource, KernelSource, OutputKind, User } from './bowl/schema.ts';
export { BowlLock, LockedArch, LockedLayer, LockedSource } from './lock/schema.ts';
