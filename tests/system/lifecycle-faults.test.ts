import { constants, copyFile, mkdtemp, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askAgent, bringUpNetwork, untilAgent } from './fixtures/lifecycle/guest.ts';
import { withOwnDisk } from './fixtures/lifecycle/own-disk.ts';
import { type StaticServer, startStaticServer } from './fixtures/lifecycle/static-server.ts';
import { type BuiltVersion, buildTinyVersion, type TinyVersion } from './fixtures/lifecycle/tiny-version.ts';
import { BOOT_MS, type TestMachine } from './fixtures/machine.ts';

const isAll = process.env['BOWLINE_TEST_ALL'] === '1';
const DISK_BYTES = 4 * 2 ** 30;
const WITHIN = 'within: 60s';

interface Fault {
  fault: string;
  /** How version 2 differs from a good one. */
  version?: Partial<TinyVersion>;
  /** What is done to the disk after the upgrade, before the restart; `$slot`, `$esp` are devices. */
  damage?: string;
  /** What the reason says. */
  reason: RegExp;
}

const rcS = (line: string) => [
  { path: 'etc/rcS', mode: 0o755, content: `#!/bin/sh\nmount -t proc proc /proc 2>/dev/null\n${line}\n` },
];
const NO_WORD = /panicked|hung|lost power|did not report/;
const MOUNT_ESP = 'mkdir -p /tmp/esp; mount -t vfat $esp /tmp/esp';

/** Everything a new version can do wrong. Each row ends in version 1, which says why. */
const FAULTS: readonly Fault[] = [
  { fault: 'panics', version: { extra: rcS('echo c > /proc/sysrq-trigger') }, reason: NO_WORD },
  { fault: 'hangs before its init', version: { extra: init('while :; do sleep 1; done') }, reason: NO_WORD },
  { fault: 'hangs in its init', version: { extra: rcS('while :; do sleep 1; done') }, reason: NO_WORD },
  { fault: 'has an init that ends', version: { extra: init('exit 1') }, reason: NO_WORD },
  {
    fault: 'has an agent that is dead',
    version: {
      more: `checks: { ${WITHIN} }\nfiles: [{ path: /usr/lib/bowline/bowline-agent, content: "#!/bin/sh\\nexit 1\\n", mode: "0755" }]`,
    },
    reason: NO_WORD,
  },
  { fault: 'has no network', version: { more: `checks: { ${WITHIN}, network: true }` }, reason: /route|network/ },
  {
    fault: 'fails a check',
    version: { more: `checks: { ${WITHIN}, command: [{ run: "test -e /never" }] }` },
    reason: /never/,
  },
  {
    fault: 'has a corrupt superblock',
    damage: 'dd if=/dev/urandom of=$slot bs=512 count=1 conv=notrunc',
    reason: NO_WORD,
  },
  {
    fault: 'has corrupt blocks in files used at boot',
    damage:
      'i=1; while [ $i -lt 40 ]; do dd if=/dev/urandom of=$slot bs=4096 count=1 seek=$((i*100)) conv=notrunc; i=$((i+1)); done',
    reason: NO_WORD,
  },
  {
    fault: 'has a corrupt UKI',
    damage: `${MOUNT_ESP}; f=/tmp/esp/EFI/bowline/$uki.efi; dd if=/dev/zero of=$f bs=4096 count=64 conv=notrunc; umount /tmp/esp`,
    reason: NO_WORD,
  },
];

function init(line: string) {
  return [{ path: 'sbin/init', mode: 0o755, content: `#!/bin/sh\n${line}\n` }];
}

let folder = '';
let base = '';
const path = (name: string) => join(folder, name);

beforeAll(async () => {
  if (!isAll) return;
  folder = await mkdtemp(join(tmpdir(), 'bowline-faults-'));
  const one = await buildTinyVersion(folder, { version: '1', outputs: ['raw'], more: `checks: { ${WITHIN} }` });
  base = one.artefact('.raw');
});

afterAll(async () => {
  if (folder !== '') await rm(folder, { recursive: true, force: true });
});

async function serve(built: BuiltVersion, use: (server: StaticServer) => Promise<void>): Promise<void> {
  const server = await startStaticServer(built.artefact('-release'));
  try {
    await use(server);
  } finally {
    await server.stop();
  }
}

/** Devices as the scripts name them. */
async function damage(machine: TestMachine, script: string, built: BuiltVersion): Promise<void> {
  const uki = built.manifest.files.find(({ output }) => output === 'uki')?.sha256.slice('sha256:'.length) ?? '';
  await machine.ask(
    `slot=$(readlink -f /dev/disk/by-partlabel/root-b); esp=$(readlink -f /dev/disk/by-partlabel/esp); uki=${uki}; ${script}; sync`,
  );
}

describe('a new version that', () => {
  it.for(FAULTS)('$fault gives way to the version before, which knows why', async (row, ctx) => {
    if (!isAll) ctx.skip('only with --all: four starts of a machine');
    await rm(path('machine.raw'), { force: true });
    await copyFile(base, path('machine.raw'), constants.COPYFILE_FICLONE);
    await truncate(path('machine.raw'), DISK_BYTES);
    const name = `2.${FAULTS.indexOf(row)}`;
    const wish = { version: name, outputs: ['release', 'uki'], more: `checks: { ${WITHIN} }`, ...row.version };
    const built = await buildTinyVersion(folder, wish);
    await serve(built, async (server) => {
      await withOwnDisk(ctx, { disk: path('machine.raw') }, async (machine) => {
        await machine.waitFor(/tiny: started/, BOOT_MS);
        const healthy = await untilAgent(machine, 'status', ({ verdict }) => verdict === 'healthy', BOOT_MS);
        expect(healthy['verdict']).toBe('healthy');
        await machine.ask('echo mine > /var/kept');
        await bringUpNetwork(machine);
        await askAgent(machine, `upgrade --source ${server.guestUrl}`);
        if (row.damage !== undefined) await damage(machine, row.damage, built);
        await machine.reset();
        const back = await untilVersion(machine, '1');
        expect(back).toMatchObject({ verdict: name, found: 'bad' });
        expect(back.reason).toMatch(row.reason);
        expect(await machine.ask('cat /var/kept')).toBe('mine');
      });
    });
  });
});

/** Waits until the version runs again and tells what became of the other one. */
async function untilVersion(machine: TestMachine, version: string) {
  interface Known {
    image: { version: string };
    versions: { version: string; verdict: string; reason?: string }[];
  }
  const isBack = ({ image, versions }: Known): boolean =>
    image.version === version && versions.some(({ verdict }) => verdict === 'bad');
  const deadline = Date.now() + 4 * BOOT_MS;
  for (;;) {
    const known = await askAgent<Known>(machine, 'status').catch(() => undefined);
    if (known !== undefined && isBack(known)) {
      const bad = known.versions.find(({ verdict }) => verdict === 'bad');
      return { verdict: bad?.version, found: bad?.verdict, reason: bad?.reason ?? '' };
    }
    if (Date.now() > deadline) throw new Error(`version ${version} did not come back: ${JSON.stringify(known)}`);
    await new Promise((resolve) => setTimeout(resolve, 3000));
  }
}
