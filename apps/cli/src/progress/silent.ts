import { type ProgressView, trackTasks } from './task-state.ts';

/** Shows no progress; warnings still come, at the end. */
export function silentProgress(write: (text: string) => void): ProgressView {
  const warnings = new Set<string>();
  const ignore = () => undefined;
  const progress = trackTasks(
    { started: ignore, changed: ignore, ended: ignore },
    (message) => warnings.add(message),
    () => 0,
  );
  return {
    ...progress,
    close() {
      for (const message of warnings) write(`warning: ${message}\n`);
      warnings.clear();
    },
  };
}
