import type { UpgradeProgress } from './upgrade-ports.ts';
import { bytesText } from './upgrade-text.ts';

/** Where progress goes. */
export interface ProgressOutput {
  /** A terminal shows one line that changes; anything else gets a line now and then. */
  isTerminal: boolean;
  write: (text: string) => void;
  nowMs: () => number;
}

const TERMINAL_PAUSE_MS = 200;
const PLAIN_PAUSE_MS = 10_000;
const CLEAR_LINE = '\r\u001b[K';

/** Tells people how far an upgrade is: the phase, bytes, and how long it will take. */
export function progressLines(output: ProgressOutput): { event: (event: UpgradeProgress) => void; end: () => void } {
  let phase = '';
  let phaseStartedMs = 0;
  let toldMs = -Infinity;
  let isOpen = false;
  const show = (line: string) => {
    if (!output.isTerminal) return output.write(`${line}\n`);
    isOpen = true;
    output.write(`${CLEAR_LINE}${line}`);
  };
  return {
    event: (event) => {
      const now = output.nowMs();
      const isNew = event.phase !== phase;
      if (isNew) [phase, phaseStartedMs] = [event.phase, now];
      const pause = output.isTerminal ? TERMINAL_PAUSE_MS : PLAIN_PAUSE_MS;
      if (!isNew && now - toldMs < pause) return;
      toldMs = now;
      show(progressText(event, now - phaseStartedMs));
    },
    end: () => {
      if (isOpen) output.write(CLEAR_LINE);
      isOpen = false;
    },
  };
}

/** One line: `writing the root: 45 % (120.0 MB of 265.0 MB, 4.1 MB fetched), 12 s left`. */
export function progressText(
  { phase, doneBytes, totalBytes, fetchedBytes }: UpgradeProgress,
  elapsedMs: number,
): string {
  if (doneBytes === undefined || totalBytes === undefined || totalBytes === 0) return phase;
  const share = Math.min(1, doneBytes / totalBytes);
  const fetched = fetchedBytes === undefined || fetchedBytes === 0 ? '' : `, ${bytesText(fetchedBytes)} fetched`;
  const leftSeconds = Math.ceil((elapsedMs / 1000) * (1 / Math.max(share, 1e-6) - 1));
  const left = share < 0.02 || elapsedMs < 2000 || share === 1 ? '' : `, ${durationText(leftSeconds)} left`;
  return `${phase}: ${Math.floor(share * 100)} % (${bytesText(doneBytes)} of ${bytesText(totalBytes)}${fetched})${left}`;
}

function durationText(seconds: number): string {
  return seconds < 120 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`;
}
