import { createHmac } from 'node:crypto';
import { hostname } from 'node:os';
import type { Machine } from '../machine/machine.ts';
import { readFact } from './fact-files.ts';
import { type HardwareFacts, readHardware } from './hardware.ts';
import { stableRandom } from './stable-random.ts';

/** What keeps ProtectedID apart from hashes that other programs make of the machine-id. */
const APPLICATION = 'bowline';

/** What names the machine: at the top of the data of templates, and again below `.Values`. */
export interface IdentityFacts {
  /** UUID of the product; where there is none, the machine-id written as one. */
  UUID: string;
  /** Random text, made once for this machine. */
  Random: string;
  MachineID: string;
  /** HMAC-SHA256 of `bowline` with the machine-id as key, in hex: tells machines apart without giving the id away. */
  ProtectedID: string;
  Hostname: string;
}

/** The data of templates. */
export interface SystemFacts extends IdentityFacts {
  Values: HardwareFacts & IdentityFacts & { node: { hostname: string; machineid: string } };
}

const hardwareOf = new Map<string, Promise<HardwareFacts>>();

/**
 * The data of templates for this machine. Hardware is read once per process; hostname and machine-id are read each
 * time, because steps may set them. Never fails: what the machine does not tell is empty or 0.
 */
export async function systemFacts(machine: Machine): Promise<SystemFacts> {
  let reading = hardwareOf.get(machine.root);
  if (reading === undefined) {
    reading = readHardware(machine);
    hardwareOf.set(machine.root, reading);
  }
  const [hardware, machineId, name, random] = await Promise.all([
    reading,
    readMachineId(machine),
    readHostname(machine),
    stableRandom(machine),
  ]);
  const identity: IdentityFacts = {
    UUID: hardware.product.uuid || machineId.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
    Random: random,
    MachineID: machineId,
    ProtectedID: machineId === '' ? '' : createHmac('sha256', machineId).update(APPLICATION).digest('hex'),
    Hostname: name,
  };
  return { ...identity, Values: { ...hardware, ...identity, node: { hostname: name, machineid: machineId } } };
}

async function readMachineId(machine: Machine): Promise<string> {
  const text = (await readFact(machine, '/etc/machine-id')) || (await readFact(machine, '/var/lib/dbus/machine-id'));
  return /^[0-9a-f]{32}$/i.test(text) ? text.toLowerCase() : '';
}

async function readHostname(machine: Machine): Promise<string> {
  const name = (await readFact(machine, '/proc/sys/kernel/hostname')) || (await readFact(machine, '/etc/hostname'));
  return name || (machine.root === '/' ? hostname() : '');
}
