import { copyFile, mkdir, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parseReleaseDocument, type ReleaseDocument } from '@bowline/spec';
import { SLOTS_FOLDER } from '../apps/agent/src/release/slot-index.ts';
import { agentSource } from '../packages/image/src/agent/agent-source.ts';
import { bundleAgent } from '../packages/image/src/agent/bundle-agent.ts';
import { baseTar } from './base-tar.ts';
import { measure } from './measure.ts';
import { type Update, updateOpenssl } from './openssl-update.ts';
import { describeMachine, writeReport } from './report.ts';
import { Workspace } from './workspace.ts';

/**
 * `node bench/upgrade.ts [--runs N] [--write]`: what an update of OpenSSL costs a machine: bytes, CPU, memory. Two images of the
 * same Debian server are built as releases, and the second is applied by the agent's own code to files. Needs what `npm run
 * bench` needs, and veritysetup.
 */
const { values } = parseArgs({ options: { runs: { type: 'string', default: '3' }, write: { type: 'boolean' } } });
const runs = Number(values.runs);
const MB = 1e6;
const userCache = resolve(process.env['BOWLINE_CACHE'] ?? join(homedir(), '.cache/bowline'));
const folder = resolve(process.env['BOWLINE_BENCH'] ?? join(userCache, 'bench'));
const work = join(folder, 'upgrade');
const workspace = new Workspace(join(work, 'workspace'));
const PROJECT = fileURLToPath(new URL('..', import.meta.url));
/** As the agent's program is started. */
const NODE_OPTIONS = ['--max-old-space-size=96'];
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What `apply-release.ts` prints. */
interface Applied {
  rootHash: string;
  fetchedBytes: number;
  ukiFetchedBytes: number;
  aboutBytes: number;
  cutSeconds: number;
  cpuSeconds: number;
  ukiSeconds: number;
  peakBytes: number;
  data: string;
  hash: string;
}

interface Version {
  release: string;
  document: ReleaseDocument;
}

await rm(work, { recursive: true, force: true });
await mkdir(work, { recursive: true });
const base = await baseTar(join(folder, 'cache'), 'amd64', 'installed');
const update = await updateOpenssl(base, join(work, 'updated.tar'));
const program = join(work, 'apply-release.cjs');
await writeFile(program, (await bundleAgent(agentSource(PROJECT, 'bench/apply-release.ts'))).code);
await workspace.seed(userCache);
const one = await buildVersion('one', base);
const two = await buildVersion('two', update.path);

/** Builds a release and keeps it below the folder that stands for a machine. */
async function buildVersion(name: string, tar: string): Promise<Version> {
  await rm(join(workspace.folder, 'bowl'), { recursive: true, force: true });
  await workspace.build({ arch: 'amd64', base: tar, outputs: ['release'] });
  const out = join(workspace.folder, 'out/bench');
  const release = join(work, 'machine', name);
  await mkdir(join(work, 'machine'), { recursive: true });
  await rename(join(out, 'bench-1-amd64-release'), release);
  await rm(out, { recursive: true });
  const blobs = join(release, 'blobs/sha256');
  for (const blob of await readdir(blobs)) {
    const text = (await readFile(join(blobs, blob))).toString('latin1');
    if (text.includes('"releaseVersion"')) return { release, document: parseReleaseDocument(text, release) };
  }
  throw new Error(`${release} has no document`);
}

/** The root of a version in a file as large as a slot. */
async function rootOf({ document }: Version): Promise<string> {
  const derived = join(workspace.cache, 'derived');
  for (const name of await readdir(derived)) {
    const record = await readFile(join(derived, name, 'record.json'), 'utf8').catch(() => '');
    if (!record.includes(document.verity.rootHash)) continue;
    const path = join(work, 'machine/slot-a');
    await copyFile(join(derived, name, 'root.squashfs'), path);
    await truncate(path, document.slotBytes);
    return path;
  }
  throw new Error('the root is not in the cache');
}

async function apply(oldRoot: string, ukis: string): Promise<Applied> {
  const { rootHash } = one.document.verity;
  const { stdout } = await measure({
    argv: [process.execPath, ...NODE_OPTIONS, program, join(work, 'machine'), '/two', oldRoot, rootHash, ukis],
    env: { PATH },
  });
  const applied = JSON.parse(stdout) as Applied;
  if (applied.rootHash !== two.document.verity.rootHash) throw new Error('another root was written');
  return applied;
}

const oldRoot = await rootOf(one);
const ukis = join(work, 'machine/ukis');
await mkdir(ukis, { recursive: true });
await copyFile(join(one.release, 'blobs/sha256', one.document.uki.sha256.slice(7)), join(ukis, 'old.efi'));
const first: Applied[] = [];
const later: Applied[] = [];
const verified: number[] = [];
for (let round = 0; round < runs; round++) {
  // Without the saved index of the old root, as after an installation; then with it.
  await rm(join(work, 'machine/var'), { recursive: true, force: true });
  first.push(await apply(oldRoot, ukis));
  // The slot is empty again, which its journal does not know.
  await rm(join(work, 'machine', SLOTS_FOLDER, 'b.journal'), { force: true });
  const again = await apply(oldRoot, ukis);
  later.push(again);
  const argv = ['veritysetup', 'verify', again.data, again.hash, again.rootHash] as const;
  verified.push((await measure({ argv: [...argv], env: { PATH } })).cpuSeconds);
}

const middle = (numbers: number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
const report = [
  ...(await describeMachine(workspace.cache)).map((fact) => `- ${fact}`),
  '',
  ...formatFigures(update),
  '',
].join('\n');
process.stdout.write(report);
if (values.write === true) await writeReport(report, 'node bench/upgrade.ts --write');

function formatFigures({ files, bytes, compressedBytes }: Update): string[] {
  const { document } = two;
  const [applied] = later;
  if (applied === undefined) throw new Error('nothing was measured');
  const imageBytes = document.root.sizeBytes + document.uki.sizeBytes;
  const rootBytes = applied.fetchedBytes;
  const allBytes = rootBytes + applied.ukiFetchedBytes + applied.aboutBytes;
  const verify = middle(verified);
  const cpu = (list: Applied[]): number => middle(list.map((each) => each.cpuSeconds));
  const mb = (count: number): string => (count / MB).toFixed(2);
  const percent = (part: number, whole: number): string => `${((part / whole) * 100).toFixed(2)} %`;
  const times = (part: number, whole: number): string => `${(part / whole).toFixed(2)}x`;
  const rows: [string, string, string][] = [
    [`changed files (${files}), MB, and compressed`, `${mb(bytes)}, ${mb(compressedBytes)}`, ''],
    ['image: root + UKI, MB', `${mb(document.root.sizeBytes)} + ${mb(document.uki.sizeBytes)}`, ''],
    ['fetched of the root, MB', mb(rootBytes), ''],
    ['fetched of the UKI, MB', mb(applied.ukiFetchedBytes), ''],
    ['indexes of chunks and the manifest, MB', mb(applied.aboutBytes), ''],
    ['fetched chunks, part of the image', percent(rootBytes + applied.ukiFetchedBytes, imageBytes), '1.5 %'],
    ['fetched in all, part of the image', percent(allBytes, imageBytes), '1.5 %'],
    ['fetched in all, to the compressed size of the changed files', times(allBytes, compressedBytes), '2x'],
    ['`veritysetup verify` of the new root, CPU s', verify.toFixed(2), ''],
    ['root applied, CPU s', `${cpu(later).toFixed(2)} (${times(cpu(later), verify)})`, '3x'],
    [
      'the first time, when the old root is cut, CPU s',
      `${cpu(first).toFixed(2)} (${times(cpu(first), verify)})`,
      '3x',
    ],
    ['UKI put together, CPU s', middle(later.map((each) => each.ukiSeconds)).toFixed(2), ''],
    ['peak RSS, MB', (Math.max(...[...first, ...later].map((each) => each.peakBytes)) / MB).toFixed(0), '150'],
  ];
  return ['| figure | measured | target |', '| --- | --- | --- |', ...rows.map((row) => `| ${row.join(' | ')} |`)];
}
