import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { baseTar } from './base-tar.ts';
import { median, type Sample } from './measure.ts';
import { describeMachine, formatReport, type Row, writeReport } from './report.ts';
import { type BenchBowl, Workspace } from './workspace.ts';

/**
 * `npm run bench [-- --runs N --write]`: what a build costs, in CPU seconds. Needs root (or a delegated control group), a
 * Debian mirror on the first run, and 5 GB in $BOWLINE_BENCH, by default a folder `bench` beside Bowline's cache.
 */
const { values } = parseArgs({ options: { runs: { type: 'string', default: '3' }, write: { type: 'boolean' } } });
const runs = Number(values.runs);
const userCache = resolve(process.env['BOWLINE_CACHE'] ?? join(homedir(), '.cache/bowline'));
const folder = resolve(process.env['BOWLINE_BENCH'] ?? join(userCache, 'bench'));
const workspace = new Workspace(join(folder, 'workspace'));
const DISK = ['raw'];
const ALL = ['raw', 'iso', 'qcow2'];

/** What is measured, in the order of a round: each starts where the one before it ended. */
interface Scenario {
  name: string;
  target: string;
  /** Forgets what was made of the base before. */
  cold: boolean;
  bowl: BenchBowl;
}

const tars = {
  base: await baseTar(join(folder, 'cache'), 'amd64', 'installed'),
  amd64: await baseTar(join(folder, 'cache'), 'amd64', 'extracted'),
  arm64: await baseTar(join(folder, 'cache'), 'arm64', 'extracted'),
};
const bowl: BenchBowl = { arch: 'amd64', base: tars.base, outputs: DISK };
const scenarios: readonly Scenario[] = [
  { name: 'disk', target: '4.5', cold: true, bowl },
  { name: 'disk, nothing changed', target: '0.5', cold: false, bowl },
  { name: 'disk, other cloudConfig', target: '1.5', cold: false, bowl: { ...bowl, cloudConfig: '#cloud-config\n' } },
  { name: 'disk, other kernelArguments', target: '1.5', cold: false, bowl: { ...bowl, kernelArguments: ['quiet'] } },
  { name: 'disk + ISO + qcow2', target: '6', cold: true, bowl: { ...bowl, outputs: ALL } },
  { name: 'disk, amd64, extracted base', target: '', cold: true, bowl: { ...bowl, base: tars.amd64 } },
  {
    name: 'disk, arm64, extracted base',
    target: '',
    cold: true,
    bowl: { arch: 'arm64', base: tars.arm64, outputs: DISK },
  },
];

await workspace.seed(userCache);
const samples = new Map<Scenario, Sample[]>(scenarios.map((scenario) => [scenario, []]));
// Round 0 gets what is not measured ready: toolbox, packages and archives of the initrds, compiled sources.
for (let round = 0; round <= runs; round++) {
  for (const scenario of scenarios) {
    if (scenario.cold) await workspace.chill();
    const sample = await workspace.build(scenario.bowl);
    if (round > 0) samples.get(scenario)?.push(sample);
    process.stderr.write(`${round}/${runs} ${scenario.name}: ${sample.cpuSeconds.toFixed(2)} CPU s\n`);
  }
}

const rows: Row[] = scenarios.map((scenario) => ({
  name: scenario.name,
  target: scenario.target,
  base: scenario.bowl.base,
  sample: median(samples.get(scenario) ?? []),
}));
const report = await formatReport(rows, await describeMachine(workspace.cache), runs);
process.stdout.write(report);
if (values.write === true) await writeReport(report);
