/** Port through which long work tells how far it is. The terminal tree, plain lines and silence are adapters in apps. */
export interface Progress {
  /** Runs `work` as a named task; nested tasks show below it. Its failure marks the task failed and is rethrown. */
  task<T>(title: string, work: (task: TaskProgress) => Promise<T>): Promise<T>;
  /** A message people must see at the end, once. */
  warn(message: string): void;
}

/** A running task: its own sub-tasks, and how far it is. */
export interface TaskProgress extends Progress {
  /** Bytes done, of a total where it is known. */
  bytes(done: number, total?: number): void;
  /** A short word on what it does now ("cached", "sha256:ab12..."). */
  note(text: string): void;
}
