import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bowlineJson } from './fixtures/cli.ts';
import { BOOT_MS, SharedMachine } from './fixtures/machine.ts';
import { writePinnedBowl } from './fixtures/tiny-build.ts';

const VARIABLES = '/sys/firmware/efi/efivars';
const LOADER = '4a67b082-0a4c-41cf-b6c7-440b29bb8c4f';
const GLOBAL = '8be4df61-93ca-11d2-aa0d-00e098032b8c';

const shared = new SharedMachine();
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bowline-variables-'));
  const bowl = join(folder, 'bowl');
  await writePinnedBowl(bowl, 'outputs: [raw]');
  await bowlineJson(['build', bowl, '--debug', '--out', join(folder, 'out')]);
  await shared.start({ imagePath: join(folder, 'out/tiny'), snapshot: true });
});

afterAll(async () => {
  await shared.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Text of a variable, without attributes and zeros. */
const textOf = (name: string) => `dd if=${VARIABLES}/${name} bs=1 skip=4 2>/dev/null | busybox tr -d '\\0'`;

describe('the variables of a machine with UEFI', () => {
  it('lead to our boot loader once the agent has assessed the version', async (ctx) => {
    const machine = shared.of(ctx);
    await machine.waitFor(/tiny login:/, BOOT_MS);
    await machine.ask('bowline-agent assess --decide || true');
    const names = await machine.ask(
      `cd ${VARIABLES}; for f in Boot0*; do if grep -q B.o.w.l.i.n.e $f; then echo $f; fi; done`,
    );
    expect(names).toMatch(new RegExp(`^Boot[0-9A-F]{4}-${GLOBAL}$`));
    const number = Number.parseInt(names.slice(4, 8), 16);
    const order = await machine.ask(
      `dd if=${VARIABLES}/BootOrder-${GLOBAL} bs=1 skip=4 2>/dev/null | busybox od -An -tu2`,
    );
    expect(Number(order.trim().split(/\s+/)[0])).toBe(number);
  });

  it('choose an entry once; the kernel makes such a variable immutable, so only the same can be chosen without chattr', async (ctx) => {
    const machine = shared.of(ctx);
    const once = `LoaderEntryOneShot-${LOADER}`;
    for (const attempt of ['first', 'second']) {
      const said = await machine.ask('bowline-agent bootentry select 1 --once');
      expect(said, attempt).toContain('The next start is of tiny 1');
      expect(await machine.ask(textOf(once))).toBe('bowline-1.conf');
    }
    expect(await machine.ask(`echo x 2>&1 >${VARIABLES}/${once} || true`)).toContain('not permitted');
  });

  it('are used by the firmware at the next start, which takes the choice away', async (ctx) => {
    const machine = shared.of(ctx);
    await machine.reset();
    await machine.waitFor(/BdsDxe: starting Boot[0-9A-F]{4} "Bowline"/, BOOT_MS);
    await machine.waitFor(/tiny login:/, BOOT_MS);
    expect(await machine.ask(`ls ${VARIABLES}/LoaderEntryOneShot-${LOADER} 2>/dev/null || echo none`)).toBe('none');
    expect(await machine.ask(textOf(`LoaderEntrySelected-${LOADER}`))).toBe('bowline-1.conf');
    expect(JSON.parse(await machine.ask('bowline-agent bootentry --json'))).toMatchObject({
      firmware: 'uefi',
      running: 1,
    });
  });
});
