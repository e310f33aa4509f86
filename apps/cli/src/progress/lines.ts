import { describeTask, type ProgressView, type TaskState, trackTasks } from './task-state.ts';

/** Deeper tasks are detail that a log does not need. */
const MAX_DEPTH = 2;

/** One plain line when a task begins and one when it ends: for logs, pipes and dumb terminals. */
export function linesProgress(write: (text: string) => void, nowMs: () => number): ProgressView {
  const warnings = new Set<string>();
  const progress = trackTasks(
    {
      started: (task) => {
        if (depthOf(task) < MAX_DEPTH) write(`${pathOf(task)} ...\n`);
      },
      changed: () => undefined,
      ended: (task) => {
        if (depthOf(task) >= MAX_DEPTH && task.status !== 'failed') return;
        const note = task.note === '' ? '' : `, ${task.note}`;
        write(`${pathOf(task)}: ${task.status} (${describeTask(task, nowMs())}${note})\n`);
      },
    },
    (message) => warnings.add(message),
    nowMs,
  );
  return {
    ...progress,
    close() {
      for (const message of warnings) write(`warning: ${message}\n`);
      warnings.clear();
    },
  };
}

function depthOf(task: TaskState): number {
  return task.parent === undefined ? 0 : depthOf(task.parent) + 1;
}

function pathOf(task: TaskState): string {
  return task.parent === undefined ? task.title : `${pathOf(task.parent)} > ${task.title}`;
}
