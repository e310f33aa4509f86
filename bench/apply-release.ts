import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { planVerityTree } from '@bowline/formats';
import { nodeHost } from '@bowline/host';
import { NodeMachine } from '../apps/agent/src/machine/node-machine.ts';
import { assembleUki } from '../apps/agent/src/release/assemble-uki.ts';
import { openRelease } from '../apps/agent/src/release/open-release.ts';
import { findRootBase } from '../apps/agent/src/release/root-bases.ts';
import { writeRoot } from '../apps/agent/src/release/write-root.ts';

/**
 * `apply-release MACHINE RELEASE OLD_ROOT OLD_ROOT_HASH UKIS`: does with files what the agent does with slots, and
 * prints what it cost. A process of its own, so that memory is that of this work alone.
 */
async function apply(): Promise<void> {
  const [root = '', source = '', oldRoot = '', oldRootHash = '', ukis = ''] = process.argv.slice(2);
  const machine = new NodeMachine({ host: nodeHost(), root });
  const region = (path: string, sizeBytes: number) => ({ path, offsetBytes: 0, sizeBytes });

  const release = await openRelease(machine, `dir:${source}`, { keys: [] });
  const { document } = release;
  const index = await release.index();
  const slotBytes = document.slotBytes;
  const { hashBytes } = planVerityTree(Math.floor(slotBytes / 4096));
  const [data, hash] = [join(root, 'slot-b'), join(root, 'slot-b-verity')];
  await mkdir(root, { recursive: true });
  for (const [path, size] of [
    [data, slotBytes],
    [hash, hashBytes],
  ] as const) {
    await writeFile(path, '');
    await truncate(path, size);
  }
  const start = process.cpuUsage();
  const base = await findRootBase(
    machine,
    { data: region(oldRoot, slotBytes), rootHash: oldRootHash },
    document.chunkAverageBytes,
    index,
  );
  const cutMicros = total(process.cpuUsage(start));
  const written = await writeRoot(
    release,
    { data: region(data, slotBytes), hash: region(hash, hashBytes) },
    { bases: base === undefined ? [] : [base], journal: 'b' },
  );
  const rootMicros = total(process.cpuUsage(start));
  let ukiFetchedBytes = 0;
  const uki = createHash('sha256');
  const onBytes = (bytes: number): void => void (ukiFetchedBytes += bytes);
  for await (const piece of assembleUki(release, ukis, { onBytes })) uki.update(piece);
  if (`sha256:${uki.digest('hex')}` !== document.uki.sha256) throw new Error('the UKI is another');
  const manifest = await readFile(join(root, source, 'index.json'));
  process.stdout.write(
    JSON.stringify({
      rootHash: written.rootHash,
      fetchedBytes: written.fetchedBytes,
      reusedBytes: written.reusedBytes,
      ukiFetchedBytes,
      aboutBytes: manifest.length + document.chunkIndex.sizeBytes + (document.ukiIndex?.sizeBytes ?? 0),
      cutSeconds: cutMicros / 1e6,
      cpuSeconds: rootMicros / 1e6,
      ukiSeconds: (total(process.cpuUsage(start)) - rootMicros) / 1e6,
      peakBytes: peakBytes(),
      data,
      hash,
    }),
  );
}

/** The most of this program alone: what `getrusage` says includes the process that started it (Linux, fs/exec.c). */
function peakBytes(): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]) * 1024;
}

function total({ user, system }: NodeJS.CpuUsage): number {
  return user + system;
}

// No await at the top: it is bundled as the agent is.
apply().catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
});
