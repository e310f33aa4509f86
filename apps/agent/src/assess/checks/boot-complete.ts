import { runProgram } from '../../machine/run-program.ts';
import { failed, PASSED, type RunCheck, skipped } from '../health-check.ts';
import { askSystemctl, hasSystemd } from '../systemctl.ts';

const TARGET = 'boot-complete.target';
/** Units that gate the target are checks of their owners, and may take as long as those. */
const TARGET_TIMEOUT_MS = 5 * 60_000;
const MAX_NAMED = 3;

/**
 * systemd has done what it had to do, and boot-complete.target is reached: units of the base or the bowl that are required
 * by it are checks, too (systemd.special(7)). It is started here, when the start is over, because nothing else asks for it.
 */
export const checkBootComplete: RunCheck<'boot-complete'> = async (_check, machine) => {
  if (!(await hasSystemd(machine))) return skipped('without systemd nobody tells when the start is over');
  const state = await askSystemctl(machine, 'is-system-running');
  if (state === 'initializing' || state === 'starting') {
    const jobs = (await askSystemctl(machine, 'list-jobs', '--no-legend', '--plain', '--no-pager')).split('\n');
    const names = jobs.flatMap((line) => line.trim().split(/\s+/)[1] ?? []).slice(0, MAX_NAMED);
    return failed(`the start is not over${names.length === 0 ? '' : `: it waits for ${names.join(', ')}`}`);
  }
  if (state !== 'running' && state !== 'degraded') return failed(`systemd is ${state || 'in no state that it tells'}`);
  if ((await askSystemctl(machine, 'show', '--property=LoadState', '--value', '--', TARGET)) !== 'loaded')
    return PASSED;
  if ((await askSystemctl(machine, 'is-active', '--', TARGET)) === 'active') return PASSED;
  const { exitCode } = await runProgram(machine, 'systemctl', ['start', '--', TARGET], {
    timeoutMs: TARGET_TIMEOUT_MS,
    okExitCodes: [0, 1],
  });
  return exitCode === 0 ? PASSED : failed(`${TARGET} is not reached: a unit that it requires has failed`);
};
