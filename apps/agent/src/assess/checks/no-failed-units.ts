import { failed, PASSED, type RunCheck, skipped } from '../health-check.ts';
import { askSystemctl, hasSystemd } from '../systemctl.ts';

/** What runs this check must not be what it finds. */
const OWN_UNIT = 'bowline-assess.service';
const MAX_NAMED = 5;

/** No unit of systemd is failed, but for those that may be. */
export const checkNoFailedUnits: RunCheck<'no-failed-units'> = async ({ except }, machine) => {
  if (!(await hasSystemd(machine))) return skipped('without systemd nobody tells which services failed');
  const list = await askSystemctl(
    machine,
    'list-units',
    '--state=failed',
    '--all',
    '--plain',
    '--no-legend',
    '--no-pager',
  );
  const allowed = new Set([OWN_UNIT, ...except]);
  const units = list
    .split('\n')
    .flatMap((line) => line.trim().split(/\s+/)[0] || [])
    .filter((unit) => !allowed.has(unit));
  const [first] = units;
  if (first === undefined) return PASSED;
  if (units.length === 1) return failed(`unit ${first} is failed`);
  const more = units.length > MAX_NAMED ? ` and ${units.length - MAX_NAMED} more` : '';
  return failed(`units ${units.slice(0, MAX_NAMED).join(', ')}${more} are failed`);
};
