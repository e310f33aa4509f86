import { SOURCE_EPOCH } from '@bowline/os-layout';
import { runProgram } from '../../machine/run-program.ts';
import { failed, PASSED, type RunCheck } from '../health-check.ts';
import { hasSystemd } from '../systemctl.ts';

/** The clock shows a time that can be, and the kernel counts it as synchronised where systemd asks it (timedatectl(1)). */
export const checkTime: RunCheck<'time'> = async (_check, machine) => {
  const now = machine.clock.now();
  if (now.getTime() / 1000 < SOURCE_EPOCH) return failed(`the clock shows ${now.toISOString().slice(0, 10)}`);
  const unknown = { ...PASSED, reason: 'whether the clock is synchronised cannot be told here' };
  if (!(await hasSystemd(machine)) || (await machine.program('timedatectl')) === undefined) return unknown;
  const words = ['show', '--property=NTPSynchronized', '--value'];
  const { stdout } = await runProgram(machine, 'timedatectl', words, { timeoutMs: 30_000 });
  const answer = new TextDecoder().decode(stdout).trim();
  return answer === 'yes' ? PASSED : failed('the clock is not synchronised');
};
