import { readFile } from 'node:fs/promises';
import { failed, PASSED, type RunCheck } from '../health-check.ts';

/** RTF_UP and RTF_REJECT of linux/route.h. */
const UP = 0x1;
const REJECT = 0x200;

/** There is a default route that is up, for IPv4 or IPv6 (proc_net(5)). */
export const checkNetwork: RunCheck<'network'> = async (_check, machine) => {
  const read = (path: string) => readFile(machine.locate(path), 'utf8').catch(() => '');
  const rows = (text: string) => text.split('\n').map((line) => line.trim().split(/\s+/));
  const isUsed = (flags: string | undefined) => {
    const bits = Number.parseInt(flags ?? '0', 16);
    return (bits & UP) !== 0 && (bits & REJECT) === 0;
  };
  const v4 = rows(await read('/proc/net/route')).some(
    (row) => row[1] === '00000000' && row[7] === '00000000' && isUsed(row[3]),
  );
  if (v4) return PASSED;
  const v6 = rows(await read('/proc/net/ipv6_route')).some(
    (row) => /^0{32}$/.test(row[0] ?? '') && row[1] === '00' && row[9] !== 'lo' && isUsed(row[8]),
  );
  return v6 ? PASSED : failed('there is no default route');
};
