import { mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { makeTestMachine, type TestFiles, type TestMachine } from '../machine/test-machine.testdata.ts';
import { systemFacts } from './system-facts.ts';

const MACHINE_ID = '0123456789abcdef0123456789abcdef';
const machines: TestMachine[] = [];
afterEach(async () => {
  for (const made of machines.splice(0)) await made.remove();
});
async function machineWith(files: TestFiles): Promise<TestMachine> {
  const made = await makeTestMachine({ files });
  machines.push(made);
  return made;
}

it('tells what Kairos users write in templates', async () => {
  const { machine, root } = await machineWith({
    '/etc/machine-id': `${MACHINE_ID}\n`,
    '/etc/hostname': 'node-1\n',
    '/sys/class/dmi/id/product_uuid': '4C4C4544-0042-4A10-8052-C4C04F4D4D32\n',
    '/sys/class/dmi/id/product_name': 'Box 9\n',
    '/sys/class/dmi/id/board_vendor': 'Acme\n',
    '/proc/sys/kernel/osrelease': '6.12.1\n',
    '/proc/meminfo': 'MemTotal:        2097152 kB\n',
    '/proc/cpuinfo': [0, 1]
      .map((n) => `processor\t: ${n}\nvendor_id\t: V\nmodel name\t: M\ncpu MHz\t: 2400.5\n`)
      .join('\n'),
    '/sys/block/sda/size': '2000000000\n',
    '/sys/block/sda/device/model': 'Disk \n',
    '/sys/block/loop0/size': '8\n',
    '/sys/class/net/lo/address': '00:00:00:00:00:00\n',
    '/sys/class/net/eth0/address': '52:54:00:12:34:56\n',
    '/sys/class/net/eth0/device/uevent': '',
    '/sys/class/net/eth0/speed': '1000\n',
  });
  await mkdir(join(root, '/sys/bus/virtio_net'), { recursive: true });
  await symlink('../../../bus/virtio_net', join(root, '/sys/class/net/eth0/device/driver'));
  const render = (text: string) => machine.render(text);
  expect(await render('{{ .Values.product.uuid }} {{ .UUID }}')).toBe(
    '4c4c4544-0042-4a10-8052-c4c04f4d4d32 4c4c4544-0042-4a10-8052-c4c04f4d4d32',
  );
  expect(await render('{{ (index .Values.network 0).macaddress }} {{ (index .Values.network 0).driver }}')).toBe(
    '52:54:00:12:34:56 virtio_net',
  );
  expect(await render('{{ len .Values.network }} {{ len .Values.storage }}')).toBe('1 1');
  expect(await render('{{ trunc 4 .MachineID }} {{ .Hostname }} {{ .Values.node.hostname }}')).toBe(
    '0123 node-1 node-1',
  );
  expect(await render('{{ range .Values.storage }}{{ .name }} {{ .model }} {{ .size }}{{ end }}')).toBe(
    'sda Disk 1024',
  );
  expect(await render('{{ .Values.os.name }} {{ .Values.os.version }} {{ .Values.kernel.release }}')).toBe(
    'Debian GNU/Linux 13 6.12.1',
  );
  expect(await render('{{ .Values.cpu.threads }} {{ .Values.cpu.speed }} {{ .Values.memory.size }}')).toBe(
    '2 2401 2048',
  );
  expect(await render('{{ .Values.product.name }} {{ .Values.board.vendor }} {{ .Values.chassis.vendor }}|')).toBe(
    'Box 9 Acme |',
  );
});

it('gives a ProtectedID that is stable, and not the machine-id', async () => {
  const { machine } = await machineWith({ '/etc/machine-id': `${MACHINE_ID}\n` });
  const { ProtectedID, Values } = await systemFacts(machine);
  expect(ProtectedID).toMatch(/^[0-9a-f]{64}$/);
  expect(ProtectedID).not.toContain(MACHINE_ID.slice(0, 8));
  expect(Values.ProtectedID).toBe(ProtectedID);
  expect((await systemFacts(machine)).ProtectedID).toBe(ProtectedID);
});

it('keeps .Random on state, for root only, so that a hostname made of it does not drift', async () => {
  const { machine, root } = await machineWith({});
  const first = await machine.render('node-{{ trunc 6 .Random }}');
  expect(await machine.render('node-{{ trunc 6 .Random }}')).toBe(first);
  const file = join(root, '/var/lib/bowline/random');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(first).toBe(`node-${(await readFile(file, 'utf8')).slice(0, 6)}`);
});

it('keeps .Random in the process where state cannot be written, and replaces a damaged one', async () => {
  const { machine, root } = await machineWith({ '/var/lib/bowline/random': 'garbage\n' });
  const made = (await systemFacts(machine)).Random;
  expect(made).toMatch(/^[a-z2-7]{32}$/);
  expect(await readFile(join(root, '/var/lib/bowline/random'), 'utf8')).toBe(`${made}\n`);
  const broken = await machineWith({ '/var/lib': 'a file, not a folder' });
  expect((await systemFacts(broken.machine)).Random).toBe((await systemFacts(broken.machine)).Random);
});

it('sees a hostname and machine-id that were set while the process runs', async () => {
  const { machine, root } = await machineWith({});
  expect(await machine.render('{{ .Hostname }}|{{ .MachineID }}')).toBe('|');
  await writeFile(join(root, '/etc/machine-id'), MACHINE_ID);
  await writeFile(join(root, '/etc/hostname'), 'late');
  expect(await machine.render('{{ .Hostname }}|{{ .MachineID }}')).toBe(`late|${MACHINE_ID}`);
});

it('says nothing rather than failing where the machine tells nothing', async () => {
  const { machine } = await machineWith({});
  expect(
    await machine.render('{{ .UUID }}{{ .ProtectedID }}{{ .Values.product.serial }}{{ .Values.cpu.threads }}'),
  ).toBe('0');
});
