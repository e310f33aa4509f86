import { machine as machineArchitecture } from 'node:os';
import type { Machine } from '../machine/machine.ts';
import { listFacts, parseLines, readFact, readLinkName } from './fact-files.ts';

/** A processor as /proc/cpuinfo describes it; speed in MHz, cache in KiB. */
interface CpuFacts {
  vendor: string;
  model: string;
  speed: number;
  cache: number;
  cpus: number;
  cores: number;
  threads: number;
}

/** A disk; its size in gigabytes (10^9). */
interface StorageFacts {
  name: string;
  driver: string;
  vendor: string;
  model: string;
  serial: string;
  size: number;
}

/** A network interface with hardware behind it; speed in Mbit/s, 0 where it is not known. */
interface NetworkFacts {
  name: string;
  driver: string;
  macaddress: string;
  port: string;
  speed: number;
}

/** What does not change while a process runs. The shape is the one that templates of Kairos users expect. */
export interface HardwareFacts {
  os: { name: string; vendor: string; version: string; release: string; architecture: string };
  kernel: { release: string; version: string; architecture: string };
  product: { name: string; vendor: string; version: string; serial: string; uuid: string; sku: string };
  board: { name: string; vendor: string; version: string; serial: string; assettag: string };
  chassis: { type: number; vendor: string; version: string; serial: string; assettag: string };
  bios: { vendor: string; version: string; date: string };
  cpu: CpuFacts;
  memory: { type: string; speed: number; size: number };
  storage: StorageFacts[];
  network: NetworkFacts[];
}

const DMI = '/sys/class/dmi/id';

/** Reads the facts; what the machine does not tell is empty or 0. Never fails. */
export async function readHardware(machine: Machine): Promise<HardwareFacts> {
  const [os, kernel, dmi, cpu, memory, storage, network] = await Promise.all([
    readOs(machine),
    readKernel(machine),
    readDmi(machine),
    readCpu(machine),
    readFact(machine, '/proc/meminfo'),
    readStorage(machine),
    readNetwork(machine),
  ]);
  const kilobytes = Number.parseInt(parseLines(memory, ':').get('MemTotal') ?? '0', 10);
  return {
    os,
    kernel,
    ...dmi,
    cpu,
    memory: { type: '', speed: 0, size: Math.round(kilobytes / 1024) },
    storage,
    network,
  };
}

async function readOs(machine: Machine): Promise<HardwareFacts['os']> {
  const text = (await readFact(machine, '/etc/os-release')) || (await readFact(machine, '/usr/lib/os-release'));
  const release = parseLines(text, '=');
  const value = (key: string) => (release.get(key) ?? '').replaceAll(/^["']|["']$/g, '');
  return {
    name: value('PRETTY_NAME') || value('NAME'),
    vendor: value('ID'),
    version: value('VERSION_ID'),
    release: (await readFact(machine, '/etc/debian_version')) || value('VERSION_ID'),
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
  };
}

async function readKernel(machine: Machine): Promise<HardwareFacts['kernel']> {
  return {
    release: await readFact(machine, '/proc/sys/kernel/osrelease'),
    version: await readFact(machine, '/proc/sys/kernel/version'),
    architecture: machineArchitecture(),
  };
}

type DmiFacts = Pick<HardwareFacts, 'product' | 'board' | 'chassis' | 'bios'>;

async function readDmi(machine: Machine): Promise<DmiFacts> {
  const dmi = (name: string) => readFact(machine, `${DMI}/${name}`);
  const tree = (name: string) => readFact(machine, `/proc/device-tree/${name}`);
  return {
    product: {
      // Boards without DMI tell their model in the device tree.
      name: (await dmi('product_name')) || (await tree('model')),
      vendor: await dmi('sys_vendor'),
      version: await dmi('product_version'),
      serial: (await dmi('product_serial')) || (await tree('serial-number')),
      uuid: (await dmi('product_uuid')).toLowerCase(),
      sku: await dmi('product_sku'),
    },
    board: {
      name: await dmi('board_name'),
      vendor: await dmi('board_vendor'),
      version: await dmi('board_version'),
      serial: await dmi('board_serial'),
      assettag: await dmi('board_asset_tag'),
    },
    chassis: {
      type: toNumber(await dmi('chassis_type')),
      vendor: await dmi('chassis_vendor'),
      version: await dmi('chassis_version'),
      serial: await dmi('chassis_serial'),
      assettag: await dmi('chassis_asset_tag'),
    },
    bios: { vendor: await dmi('bios_vendor'), version: await dmi('bios_version'), date: await dmi('bios_date') },
  };
}

async function readCpu(machine: Machine): Promise<CpuFacts> {
  const blocks = (await readFact(machine, '/proc/cpuinfo'))
    .split(/\n\s*\n/)
    .map((block) => parseLines(block, ':'))
    .filter((block) => block.has('processor'));
  const [first = new Map<string, string>()] = blocks;
  const packages = new Set(blocks.map((block) => block.get('physical id') ?? '0'));
  const cores = new Set(
    blocks.map((block) => `${block.get('physical id') ?? 0}/${block.get('core id') ?? block.get('processor')}`),
  );
  return {
    vendor: first.get('vendor_id') ?? '',
    model: first.get('model name') ?? '',
    speed: Math.round(toNumber(first.get('cpu MHz') ?? '')),
    cache: toNumber(first.get('cache size') ?? ''),
    cpus: packages.size,
    cores: cores.size,
    threads: blocks.length,
  };
}

async function readStorage(machine: Machine): Promise<StorageFacts[]> {
  const disks: StorageFacts[] = [];
  for (const name of await listFacts(machine, '/sys/block')) {
    if (/^(loop|ram|zram|dm-|md|sr|fd|nbd)/.test(name)) continue;
    const at = `/sys/block/${name}`;
    const sectors = toNumber(await readFact(machine, `${at}/size`));
    disks.push({
      name,
      driver: await readLinkName(machine, `${at}/device/driver`),
      vendor: await readFact(machine, `${at}/device/vendor`),
      model: await readFact(machine, `${at}/device/model`),
      serial: (await readFact(machine, `${at}/device/serial`)) || (await readFact(machine, `${at}/serial`)),
      size: Math.round((sectors * 512) / 1e9),
    });
  }
  return disks;
}

async function readNetwork(machine: Machine): Promise<NetworkFacts[]> {
  const interfaces: NetworkFacts[] = [];
  for (const name of await listFacts(machine, '/sys/class/net')) {
    const at = `/sys/class/net/${name}`;
    // Bridges, tunnels and the loopback have no device behind them.
    if ((await listFacts(machine, `${at}/device`)).length === 0) continue;
    interfaces.push({
      name,
      driver: await readLinkName(machine, `${at}/device/driver`),
      macaddress: await readFact(machine, `${at}/address`),
      port: '',
      speed: Math.max(0, toNumber(await readFact(machine, `${at}/speed`))),
    });
  }
  return interfaces;
}

function toNumber(text: string): number {
  const value = Number.parseFloat(text);
  return Number.isFinite(value) ? value : 0;
}
