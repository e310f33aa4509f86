import type { Progress, TaskProgress } from '@bowline/host';
import { formatBytes, formatDuration } from '../text-table.ts';

/** What the adapters know of one task. Times are milliseconds of a steady clock. */
export interface TaskState {
  title: string;
  parent: TaskState | undefined;
  children: TaskState[];
  status: 'running' | 'done' | 'failed';
  startedMs: number;
  endedMs: number | undefined;
  doneBytes: number | undefined;
  totalBytes: number | undefined;
  note: string;
}

/** Told of every change of the tree. */
export interface TaskListener {
  started: (task: TaskState) => void;
  changed: (task: TaskState) => void;
  ended: (task: TaskState) => void;
}

/** A Progress that ends: warnings are shown once, at the end, and the terminal is as it was. */
export interface ProgressView extends Progress {
  close(): void;
}

/** The Progress port over a tree of task states; `warn` gets every message once. */
export function trackTasks(listener: TaskListener, warn: (message: string) => void, nowMs: () => number): Progress {
  const under = (parent: TaskState | undefined): Progress => ({
    warn,
    async task<T>(title: string, work: (task: TaskProgress) => Promise<T>): Promise<T> {
      const task: TaskState = {
        title,
        parent,
        children: [],
        status: 'running',
        startedMs: nowMs(),
        endedMs: undefined,
        doneBytes: undefined,
        totalBytes: undefined,
        note: '',
      };
      parent?.children.push(task);
      listener.started(task);
      try {
        const result = await work({
          ...under(task),
          bytes(done, total) {
            task.doneBytes = done;
            task.totalBytes = total ?? task.totalBytes;
            listener.changed(task);
          },
          note(text) {
            task.note = text;
            listener.changed(task);
          },
        });
        task.status = 'done';
        return result;
      } catch (error) {
        task.status = 'failed';
        throw error;
      } finally {
        task.endedMs = nowMs();
        listener.ended(task);
      }
    },
  });
  return under(undefined);
}

/** How far a task is: bytes, elapsed time, and while it runs an estimate of the rest. */
export function describeTask(task: TaskState, nowMs: number): string {
  const elapsedMs = (task.endedMs ?? nowMs) - task.startedMs;
  const { doneBytes, totalBytes } = task;
  const parts: string[] = [];
  if (doneBytes !== undefined) {
    const ofTotal = totalBytes !== undefined && task.status === 'running' ? ` of ${formatBytes(totalBytes)}` : '';
    parts.push(`${formatBytes(doneBytes)}${ofTotal}`);
  }
  parts.push(formatDuration(elapsedMs));
  if (task.status === 'running' && totalBytes !== undefined && doneBytes !== undefined) {
    const rest = estimateRest(elapsedMs, doneBytes, totalBytes);
    if (rest !== undefined) parts.push(`about ${formatDuration(rest)} left`);
  }
  return parts.join(', ');
}

/** Time left at the average speed so far; undefined until that means something. */
function estimateRest(elapsedMs: number, doneBytes: number, totalBytes: number): number | undefined {
  if (elapsedMs < 1000 || doneBytes <= 0 || doneBytes >= totalBytes) return undefined;
  return (elapsedMs * (totalBytes - doneBytes)) / doneBytes;
}
