import { readFile, stat, writeFile } from 'node:fs/promises';
import { cpus, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { readToolboxRecord } from '../packages/image/src/toolbox/toolbox-record.ts';
import type { Sample } from './measure.ts';

const DOCUMENT = fileURLToPath(new URL('../docs/benchmarks.md', import.meta.url));
const END = '<!-- end of measured -->';
const TOOLS = ['squashfs-tools', 'cryptsetup-bin', 'systemd-boot-efi', 'qemu-utils', 'xorriso'];
const MB = 1e6;

export interface Row {
  name: string;
  /** CPU seconds to reach; empty where there is no such figure. */
  target: string;
  base: string;
  sample: Sample;
}

/** Machine and versions, one fact a line. */
export async function describeMachine(cache: string): Promise<string[]> {
  const packages = (await readToolboxRecord(cache))?.packages ?? {};
  const tools = TOOLS.map((name) => `${name} ${packages[name] ?? 'unknown'}`);
  return [
    `Date: ${new Date().toISOString().slice(0, 10)}`,
    `Machine: ${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB RAM`,
    `Kernel: Linux ${release()}`,
    `Versions: Node ${process.versions.node}; toolbox: ${tools.join(', ')}`,
  ];
}

/** The measured part of the document, as Markdown. */
export async function formatReport(rows: readonly Row[], machine: readonly string[], runs: number): Promise<string> {
  const lines = await Promise.all(
    rows.map(async ({ name, target, base, sample }) => {
      const cells = [
        name,
        ((await stat(base)).size / MB).toFixed(0),
        sample.cpuSeconds.toFixed(2),
        target,
        (sample.peakBytes / MB).toFixed(0),
        sample.wallSeconds.toFixed(1),
      ];
      return `| ${cells.join(' | ')} |`;
    }),
  );
  return [
    ...machine.map((fact) => `- ${fact}`),
    `- Median of ${runs}; peak memory is the highest of them.`,
    '',
    '| build | base MB | CPU s | target | peak RSS MB | wall s |',
    '| --- | --- | --- | --- | --- | --- |',
    ...lines,
    '',
  ].join('\n');
}

/** Puts what a command measured into its place in docs/benchmarks.md; what is written by hand around it stays. */
export async function writeReport(report: string, command = 'npm run bench -- --write'): Promise<void> {
  const text = await readFile(DOCUMENT, 'utf8');
  const mark = `<!-- measured: written by ${command} -->`;
  const begin = text.indexOf(mark);
  const end = text.indexOf(END, begin);
  if (begin < 0 || end < begin) throw new Error(`${DOCUMENT} has lost its marks "${mark}" and "${END}"`);
  await writeFile(DOCUMENT, `${text.slice(0, begin)}${mark}\n\n${report}\n${text.slice(end)}`);
}
