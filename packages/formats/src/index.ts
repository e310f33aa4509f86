export type { BytePath, IndexedEntry, TarEntry, TarEntryType } from './tar/entry.ts';
