import { glob } from 'node:fs/promises';
import { relative } from 'node:path';
import { BOOT_FILE, STAGE_RECORD_FILE } from '@bowline/os-layout';
import { stringify } from 'yaml';
import { ASSESSMENT_FILE } from '../assess/assessment.ts';
import { readMachineStatus } from '../assess/machine-status.ts';
import { type MergedConfig, mergedConfig } from '../config/merged-config.ts';
import { LIFECYCLE_RECORD_FILE } from '../lifecycle-record/record-file.ts';
import type { Machine } from '../machine/machine.ts';
import { readRunningImage } from '../machine/running-image.ts';
import { redactKnown } from '../redaction/redact-text.ts';
import { redactValue } from '../redaction/redact-value.ts';
import { readProgram, readTail } from './bundle-item.ts';

/** One file of a bundle. */
export interface BundleFile {
  name: string;
  text: string;
}

/** What the configuration asks for besides, at most. */
const MAX_EXTRAS = 50;
/** All files together; what would be more is left out and named. */
const MAX_TOTAL = 64 * 1024 * 1024;

type Read = () => Promise<string>;

/**
 * Everything that tells what this machine did, without secrets: those of its configuration and what looks like one are
 * replaced in every file. What cannot be collected is named in `missing.txt`; this never fails.
 */
export async function collectBundle(machine: Machine, version: string): Promise<BundleFile[]> {
  const missing: string[] = [];
  const config = await mergedConfig(machine).catch((error: unknown): MergedConfig => {
    missing.push(`config.yaml: ${sentence(error)}`);
    return { values: {}, warnings: [], secrets: [] };
  });
  const files: BundleFile[] = [];
  let total = 0;
  for (const [name, read] of [...items(machine, version, config), ...(await extras(machine, config.values, missing))]) {
    machine.signal.throwIfAborted();
    try {
      const text = redactKnown(await read(), config.secrets);
      total += text.length;
      if (total > MAX_TOTAL) missing.push(`${name}: the bundle is full`);
      else files.push({ name, text });
    } catch (error) {
      missing.push(`${name}: ${sentence(error)}`);
    }
  }
  const notes = redactKnown(missing.map((line) => `${line}\n`).join(''), config.secrets);
  return [...files, { name: 'missing.txt', text: notes }];
}

function items(machine: Machine, version: string, config: MergedConfig): [string, Read][] {
  const program = (name: string, ...args: string[]) => readProgram(machine, name, args);
  return [
    [
      'versions.json',
      async () => json({ agent: version, image: await readRunningImage(machine), facts: await machine.facts() }),
    ],
    ['status.txt', async () => (await readMachineStatus(machine)).text],
    ['stages.json', () => readTail(machine, STAGE_RECORD_FILE)],
    ['lifecycle.json', () => readTail(machine, LIFECYCLE_RECORD_FILE)],
    ['assessment.json', () => readTail(machine, ASSESSMENT_FILE)],
    ['boot.conf', () => readTail(machine, BOOT_FILE)],
    ['config.yaml', async () => stringify(redactValue(config.values))],
    ['config-warnings.txt', async () => config.warnings.join('\n')],
    ['kernel-command-line.txt', () => readTail(machine, '/proc/cmdline')],
    ['journal.txt', () => readJournal(machine)],
    ['dmesg.txt', () => program('dmesg')],
    ['mounts.txt', () => readTail(machine, '/proc/mounts')],
    ['block-devices.txt', () => readBlockDevices(machine)],
    ['failed-units.txt', () => readFailedUnits(machine)],
    ['free-space.txt', () => program('df', '-P')],
    ['memory.txt', () => readTail(machine, '/proc/meminfo')],
    ['network.txt', () => program('ip', 'address')],
    ['os-release.txt', () => readTail(machine, '/etc/os-release')],
  ];
}

/** The journal of this boot; where there is none, the system log. */
async function readJournal(machine: Machine): Promise<string> {
  try {
    return await readProgram(machine, 'journalctl', ['-b', '--no-pager', '-n', '5000', '-o', 'short-iso']);
  } catch (error) {
    for (const path of ['/var/log/messages', '/var/log/syslog']) {
      const text = await readTail(machine, path).catch(() => undefined);
      if (text !== undefined) return text;
    }
    throw error;
  }
}

async function readBlockDevices(machine: Machine): Promise<string> {
  const columns = 'NAME,SIZE,TYPE,FSTYPE,LABEL,PARTLABEL,UUID,MOUNTPOINTS';
  const listed = await readProgram(machine, 'lsblk', ['-o', columns]).catch(() => undefined);
  return listed ?? (await readTail(machine, '/proc/partitions'));
}

async function readFailedUnits(machine: Machine): Promise<string> {
  const { serviceManager } = await machine.facts();
  if (serviceManager === 'systemd')
    return await readProgram(machine, 'systemctl', ['list-units', '--failed', '--no-pager', '--plain']);
  if (serviceManager === 'openrc') return await readProgram(machine, 'rc-status', ['--all']);
  throw new Error('there is no service manager that tells');
}

/** `logs.journal` and `logs.files` of the configuration. */
async function extras(machine: Machine, values: Record<string, unknown>, missing: string[]): Promise<[string, Read][]> {
  const { logs } = values;
  if (typeof logs !== 'object' || logs === null) return [];
  const units = texts('journal' in logs ? logs.journal : undefined).filter((unit) => /^[\w@][\w@.:\\-]*$/.test(unit));
  const paths = new Set<string>();
  for (const pattern of texts('files' in logs ? logs.files : undefined)) {
    const found = await expand(machine, pattern);
    if (found.length === 0) missing.push(`${pattern}: there is no such file`);
    for (const path of found) paths.add(path);
  }
  if (paths.size > MAX_EXTRAS) missing.push(`only ${MAX_EXTRAS} of ${paths.size} files of logs.files are here`);
  return [
    ...units
      .slice(0, MAX_EXTRAS)
      .map((unit): [string, Read] => [
        `journal/${unit}.txt`,
        () => readProgram(machine, 'journalctl', [`--unit=${unit}`, '--no-pager', '-n', '2000', '-o', 'short-iso']),
      ]),
    ...[...paths].slice(0, MAX_EXTRAS).map((path): [string, Read] => [`files${path}`, () => readTail(machine, path)]),
  ];
}

/** Files of a pattern such as `/var/log/app/*.log`. */
async function expand(machine: Machine, pattern: string): Promise<string[]> {
  if (!pattern.startsWith('/') || pattern.split('/').includes('..')) return [];
  const found: string[] = [];
  for await (const path of glob(machine.locate(pattern))) {
    found.push(machine.root === '/' ? path : `/${relative(machine.root, path)}`);
    if (found.length > 10 * MAX_EXTRAS) break;
  }
  return found.toSorted((left, right) => (left < right ? -1 : 1));
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

function sentence(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string' && /^E[A-Z]+$/.test(error.code)) {
    return error.code === 'ENOENT' ? 'does not exist' : `cannot be read (${error.code})`;
  }
  return error instanceof Error ? error.message : 'failed';
}
