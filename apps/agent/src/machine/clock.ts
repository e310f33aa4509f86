import { mkdir, stat, utimes, writeFile } from 'node:fs/promises';
import { AGENT_STATE_FOLDER, SOURCE_EPOCH } from '@bowline/os-layout';
import type { Machine } from './machine.ts';

const STAMP = `${AGENT_STATE_FOLDER}/clock`;

/**
 * Sets the clock forward when it shows a time that has certainly passed: before images of this kind existed, or before
 * the agent ran last. Machines without a battery start in 1970, and no certificate is valid then. Returns a sentence
 * about what was done; undefined when the clock was good.
 */
export async function setClockForward(machine: Machine): Promise<string | undefined> {
  const lastRun = await stat(machine.locate(STAMP)).then(
    (info) => info.mtimeMs / 1000,
    () => 0,
  );
  const floor = Math.ceil(Math.max(SOURCE_EPOCH, lastRun));
  if (machine.clock.now().getTime() / 1000 >= floor) return undefined;
  const when = new Date(floor * 1000).toISOString();
  const date = await machine.program('date');
  if (date === undefined) return `the clock is behind ${when}, and there is no date to set it with`;
  await machine.processes.run({ argv: [date, '-s', `@${floor}`], timeoutMs: 10_000, signal: machine.signal });
  return `the clock was behind: set forward to ${when}`;
}

/** Remembers that it is at least now. Best effort: a full disk does not matter here. */
export async function rememberTime(machine: Machine): Promise<void> {
  const path = machine.locate(STAMP);
  const now = machine.clock.now();
  try {
    await mkdir(machine.locate(AGENT_STATE_FOLDER), { recursive: true, mode: 0o700 });
    await writeFile(path, '', { flag: 'a', mode: 0o600 });
    await utimes(path, now, now);
  } catch {
    // The next run tries again.
  }
}
