import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Machine } from '../machine/machine.ts';
import type { StepRecord } from './stage-record.ts';

/** Priorities of journal and kernel log, as far as the agent uses them (sd-daemon(3)). */
const ERROR = '<3>';
const WARNING = '<4>';
const INFO = '<6>';

/** Lines for the journal: what a step changed, and what failed. Nothing is said about what was as wanted. */
export function stepLines({ stage, file, step, actions }: StepRecord): string[] {
  return actions.flatMap(({ plugin, summary, result, error }) => {
    const what = `${stage}: ${file}: step "${step}": ${plugin}: ${summary}`;
    if (result === 'failed')
      return [`${ERROR}${what}: failed: ${oneLine(error?.message ?? '')} (${error?.code ?? ''})`];
    if (result === 'skipped') return [`${WARNING}${what}: not done`];
    return result === 'changed' ? [`${INFO}${what}`] : [];
  });
}

/** A line for the journal about something that is not as the configuration says. */
export function warningLine(text: string): string {
  return `${WARNING}${oneLine(text)}`;
}

/** Writes a line where somebody in front of the machine sees it; where that cannot be done it stays in the record. */
export async function tellConsole(machine: Machine, line: string): Promise<void> {
  for (const path of ['/dev/console', '/dev/kmsg']) {
    try {
      // Neither made, nor waited for, nor taken as the terminal of this process.
      const file = await open(machine.locate(path), constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
      try {
        await file.write(`bowline: ${oneLine(line)}\n`);
        return;
      } finally {
        await file.close();
      }
    } catch {
      // The next one.
    }
  }
}

function oneLine(text: string): string {
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').slice(0, 1000);
}
