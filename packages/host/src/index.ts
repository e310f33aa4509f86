export type { BlobStore, Digest } from './blob-store.ts';
export type { Clock, Host } from './host.ts';
export type { OutputSink, Processes, ProcessResult, ProcessSpec, RunningProcess, StdinSource } from './processes.ts';
export type { Progress, TaskProgress } from './progress.ts';
