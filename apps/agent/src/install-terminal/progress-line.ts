import type { InstallProgress } from '../install/plan.ts';

/** Between two paintings of the same line. */
const INTERVAL_MS = 100;
/** On a terminal of lines: every so many percent. */
const COARSE = 10;
const BAR = 24;

/** Shows how far an installation is. */
export interface ProgressDisplay {
  show(progress: InstallProgress): void;
  /** Leaves the cursor at the start of a line. */
  end(): void;
}

/** One line that is painted again and again. `now`: milliseconds. */
export function paintedProgress(
  output: { write(text: string): unknown; columns?: number },
  now: () => number,
): ProgressDisplay {
  let paintedAt = Number.NEGATIVE_INFINITY;
  let painted: string | undefined;
  return {
    show: (progress) => {
      if (now() - paintedAt < INTERVAL_MS && progress.totalDoneBytes < progress.totalBytes) return;
      paintedAt = now();
      // One column stays free: some terminals go to the next line when the last one is written.
      const line = `${bar(progress)} ${words(progress)}`.slice(0, (output.columns ?? 80) - 1);
      if (line !== painted) output.write(`\r${line}\x1b[K`);
      painted = line;
    },
    end: () => void (painted === undefined ? undefined : output.write('\n')),
  };
}

/** A line at every step, and at every tenth of the whole. */
export function plainProgress(output: { write(text: string): unknown }): ProgressDisplay {
  let step = -1;
  let tenth = -1;
  return {
    show: (progress) => {
      const now = Math.floor(percentOf(progress) / COARSE);
      if (progress.stepIndex === step && now === tenth) return;
      step = progress.stepIndex;
      tenth = now;
      output.write(`${words(progress)}\n`);
    },
    end: () => undefined,
  };
}

function words({ step, secondsLeft, ...progress }: InstallProgress): string {
  const left = secondsLeft === undefined || secondsLeft < 1 ? '' : `, ${timeLeft(secondsLeft)} left`;
  return `${String(percentOf(progress)).padStart(3)} %  ${step.title}${left}`;
}

function timeLeft(seconds: number): string {
  return seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;
}

function bar(progress: Pick<InstallProgress, 'totalDoneBytes' | 'totalBytes'>): string {
  const full = Math.floor((percentOf(progress) * BAR) / 100);
  return `[${'#'.repeat(full)}${'-'.repeat(BAR - full)}]`;
}

function percentOf({ totalDoneBytes, totalBytes }: Pick<InstallProgress, 'totalDoneBytes' | 'totalBytes'>): number {
  return totalBytes > 0 ? Math.min(100, Math.floor((totalDoneBytes / totalBytes) * 100)) : 0;
}
