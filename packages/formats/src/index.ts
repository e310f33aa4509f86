export { CHUNK_AVERAGE, ChunkCutter, type ChunkSizes, chunkSizes } from './chunks/cutter.ts';
export {
  buildChunkIndex,
  type Chunk,
  type ChunkIndex,
  encodeChunkIndex,
  MAX_CHUNK_BYTES,
  MAX_CHUNK_INDEX_BYTES,
  MAX_CHUNKS,
  parseChunkIndex,
} from './chunks/index-codec.ts';
export type { CpioDevice, CpioDirectory, CpioEntry, CpioFile, CpioSymlink } from './cpio/entry.ts';
export { type CpioExtent, type CpioLargeFile, type CpioPlan, planCpio } from './cpio/plan.ts';
export { type CpioMember, type CpioReadOptions, readCpio } from './cpio/read.ts';
export { type CpioOptions, encodeCpio, writeCpio } from './cpio/write.ts';
export {
  decodeUtf16,
  type EfiLoadOption,
  type EfiPartition,
  encodeLoadOption,
  encodeUtf16,
  parseLoadOption,
} from './efi/load-option.ts';
export type { DlopenDependency } from './elf/dlopen.ts';
export { ELF_MACHINE, type ElfInfo, isElf, parseElf } from './elf/read.ts';
export { type LoaderPaths, setLoader } from './elf/set-loader.ts';
export { FormatsError, type FormatsErrorCode } from './error.ts';
export { FAT32_MIN_CLUSTERS } from './fat/geometry.ts';
export { type FatExtent, type FatPlan, type FatVolume, measureFat32, planFat32 } from './fat/plan.ts';
export { type FatEntryFound, type FatFound, readFat, readFat32 } from './fat/read.ts';
export { type FatType, readFatGeometry } from './fat/read-geometry.ts';
export type { FatFile } from './fat/tree.ts';
export {
  editGpt,
  type GptChanges,
  type GptEdited,
  type GptWrite,
  type UsableSectors,
  usableSectors,
} from './gpt/edit.ts';
export { decodeGuid, encodeGuid, type Guid } from './gpt/guid.ts';
export { type GptEnds, type GptFound, type GptPartitionFound, parseGpt } from './gpt/read.ts';
export {
  GPT_BACKUP_SECTORS,
  GPT_PRIMARY_SECTORS,
  type GptPartition,
  PARTITION_TYPE,
  type PartitionAttribute,
  type SectorBytes,
} from './gpt/table.ts';
export { type GptDisk, type GptImage, placePartitions, writeGpt } from './gpt/write.ts';
export { coreSectors, type GrubImages, type PlacedGrub, placeGrub } from './grub/boot-images.ts';
export { type IsoEntryFound, type IsoFound, readIso9660, readIsoLabel } from './iso9660/read.ts';
export { addSections, type PeSection } from './pe/add-sections.ts';
export {
  authenticodeHash,
  listPeCertificates,
  type PeCertificate,
  signPe,
} from './pe/authenticode.ts';
export { PE_MACHINE, type PeImage, type PeSectionInfo, parsePe, readPeSection } from './pe/image.ts';
export { detectKernelImage, isEfiStub, type KernelImageKind } from './pe/kernel-image.ts';
export type { PeSigningRequest, Sha256 } from './pe/signing-request.ts';
export { composeUki, parseUki, readUkiText, type UkiFound, type UkiParts, type UkiProfile } from './pe/uki.ts';
export { readUkiPlaces, type UkiPlace, type UkiPlaces } from './pe/uki-places.ts';
export { parseQcow2Header, QCOW2_HEADER_SIZE, type Qcow2Header } from './qcow2/header.ts';
export { parseSquashfsSuperblock, SQUASHFS_SUPERBLOCK_SIZE, type SquashfsSuperblock } from './squashfs/superblock.ts';
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
export { parseVeritySuperblock, VERITY_SUPERBLOCK_SIZE, type VeritySuperblock } from './verity/superblock.ts';
export { VerityTreeBuilder, type VerityTreeOptions } from './verity/tree.ts';
export { planVerityTree, VERITY_BLOCK, type VerityTreePlan } from './verity/tree-plan.ts';
export type { RandomRead, VolumeRun } from './volume.ts';
export { encodeSelfSigned, type SelfSignedRequest, type ServerName } from './x509/self-signed.ts';
