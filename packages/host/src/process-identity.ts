import { readFileSync, readlinkSync } from 'node:fs';

const TAG = /^(\d+)-(\d+)-(\d+)$/;

function startTicks(pid: number): string | undefined {
  try {
    // proc(5): field 22 is the start time in ticks since boot; the name (field 2) may itself hold spaces and ')'.
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie has ended: only its exit code is left.
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid').replace(/\D/g, '');
  } catch {
    return '0';
  }
}

/** Names this process so that nobody mistakes a later process with the same pid for it: namespace, pid, start time. */
export function processTag(): string {
  return `${pidNamespace()}-${process.pid}-${startTicks(process.pid) ?? '0'}`;
}

/** True when the process that a tag names has certainly ended; tags of other PID namespaces are never certain. */
export function isTagDead(tag: string): boolean {
  const match = TAG.exec(tag);
  if (match === null || match[1] !== pidNamespace()) return false;
  return startTicks(Number(match[2])) !== match[3];
}
