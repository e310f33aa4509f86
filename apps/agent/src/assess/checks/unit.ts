import { stat } from 'node:fs/promises';
import { parseAssignments } from '../../machine/assignments.ts';
import type { Machine } from '../../machine/machine.ts';
import { runProgram } from '../../machine/run-program.ts';
import { type CheckResult, failed, PASSED, type RunCheck } from '../health-check.ts';
import { askSystemctl, hasSystemd } from '../systemctl.ts';

const ANY_CODE = Array.from({ length: 256 }, (_, code) => code);

/** A unit is active; with OpenRC the service of that name is started. Whoever named it wants an answer: none is a failure. */
export const checkUnit: RunCheck<'unit'> = async ({ unit }, machine) => {
  if (await hasSystemd(machine)) return await checkSystemd(unit, machine);
  if ((await machine.program('rc-service')) !== undefined) return await checkOpenRc(unit, machine);
  return failed(`there is no service manager that knows ${unit}`);
};

async function checkSystemd(unit: string, machine: Machine): Promise<CheckResult> {
  const properties = '--property=LoadState,ActiveState,SubState,Result';
  const state = parseAssignments(await askSystemctl(machine, 'show', properties, '--', unit));
  if (state.get('LoadState') === 'not-found') return failed(`there is no unit ${unit}`);
  const active = state.get('ActiveState') ?? 'unknown';
  if (active === 'active' || active === 'reloading') return PASSED;
  const result = state.get('Result') ?? 'success';
  return failed(`unit ${unit} is ${active}${result === 'success' ? '' : ` (${result})`}`);
}

async function checkOpenRc(unit: string, machine: Machine): Promise<CheckResult> {
  const name = unit.replace(/\.service$/, '');
  if ((await stat(machine.locate(`/etc/init.d/${name}`)).catch(() => undefined)) === undefined) {
    return failed(`there is no service ${name}`);
  }
  const { exitCode } = await runProgram(machine, 'rc-service', [name, 'status'], { okExitCodes: ANY_CODE });
  return exitCode === 0 ? PASSED : failed(`service ${name} is not started`);
}
