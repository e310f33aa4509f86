import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { withDevice } from '../disk/device-bytes.ts';
import { makeRoot, writeTestRelease } from '../release/release-fixture.testdata.ts';
import { type LiveMachine, makeLiveMachine } from './live-machine.testdata.ts';
import { planInstall } from './plan-install.ts';
import { runInstall } from './run-install.ts';
import { PLAIN_WISH } from './wish.ts';

let live: LiveMachine | undefined;
afterEach(() => live?.remove());

describe('an installation from a release', () => {
  it.each(['', 'dir:', 'file://'])('writes its root and boot files, whatever the medium holds (%s)', async (scheme) => {
    live = await makeLiveMachine({ disks: [{ name: 'vda' }] });
    const folder = join(live.root, 'release');
    const root = makeRoot(7, 300 * 1024);
    const { rootHash } = await writeTestRelease({ folder, root, version: '9', document: { biosLoader: undefined } });
    const plan = await planInstall(live.machine, { ...PLAIN_WISH, source: `${scheme}/release` });
    expect(plan.system).toMatchObject({ name: 'edge', version: '9', rootHash });
    expect(plan.warnings.join()).toMatch(/unsigned|no keys|signature/i);
    const result = await runInstall(live.machine, plan);
    expect(result.system.version).toBe('9');
    const start = plan.partitions.find(({ label }) => label === 'root-a')?.startBytes ?? 0;
    const written = await withDevice(live.file('vda'), async (read) => read(start, root.length));
    expect(Buffer.from(written).equals(root)).toBe(true);
  });

  it('says that there is none', async () => {
    live = await makeLiveMachine({ disks: [{ name: 'vda' }] });
    await expect(planInstall(live.machine, { ...PLAIN_WISH, source: '/nothing' })).rejects.toMatchObject({
      code: 'SOURCE_UNAVAILABLE',
    });
  });
});
