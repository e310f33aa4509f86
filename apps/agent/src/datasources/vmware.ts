import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { type Datasource, type DatasourceContext, MAX_USERDATA_BYTES } from './datasource.ts';
import { sourceFailed } from './failure.ts';
import { parseNocloudMetadata } from './nocloud-metadata.ts';

const TIMEOUT_MS = 10_000;

/** VMware: `guestinfo.userdata` and `guestinfo.metadata`, asked with the tools of the base (open-vm-tools). */
export const vmware: Datasource = {
  name: 'vmware',
  isHere: (dmi) => dmi.sys_vendor.startsWith('VMware'),
  async fetch(context) {
    const ask = await findTool(context);
    const userdata = await readVariable(ask, 'guestinfo.userdata');
    const metadata = await readVariable(ask, 'guestinfo.metadata');
    if (userdata === undefined && metadata === undefined) return undefined;
    return { userdata, metadata: await parseNocloudMetadata(metadata, 'guestinfo.metadata') };
  },
};

type Ask = (variable: string) => Promise<string>;

async function findTool(context: DatasourceContext): Promise<Ask> {
  const { machine, signal } = context;
  const rpctool = await machine.program('vmware-rpctool');
  const program = rpctool ?? (await machine.program('vmtoolsd'));
  if (program === undefined) {
    const hint = 'Add the package open-vm-tools to the bowl.';
    throw sourceFailed('VMware: neither vmware-rpctool nor vmtoolsd is installed.', hint);
  }
  return async (variable) => {
    const command = `info-get ${variable}`;
    const result = await machine.processes.run({
      argv: rpctool === undefined ? [program, '--cmd', command] : [program, command],
      timeoutMs: TIMEOUT_MS,
      signal,
      maxCaptureBytes: 2 * MAX_USERDATA_BYTES,
      // What a variable that is not set gives.
      okExitCodes: [0, 1],
    });
    return result.exitCode === 0 ? Buffer.from(result.stdout).toString('utf8').trim() : '';
  };
}

async function readVariable(ask: Ask, name: string): Promise<Uint8Array | undefined> {
  const text = await ask(name);
  // Some versions of the tools print that there is no value, others nothing; `---` stands for a removed one.
  if (text === '' || text === '---') return undefined;
  const encoding = (await ask(`${name}.encoding`)).toLowerCase();
  if (encoding === '') return Buffer.from(text);
  if (!['b64', 'base64', 'gz+b64', 'gzip+b64', 'gz+base64', 'gzip+base64'].includes(encoding)) {
    const hint = 'Use base64 or gzip+base64.';
    throw sourceFailed(`VMware: ${name}.encoding has a value that is not known.`, hint);
  }
  const bytes = Buffer.from(text, 'base64');
  if (!encoding.startsWith('gz')) return bytes;
  try {
    return await promisify(gunzip)(bytes, { maxOutputLength: MAX_USERDATA_BYTES });
  } catch (cause) {
    throw sourceFailed(`VMware: ${name} is no gzip, or too large.`, `Check ${name}.encoding.`, cause);
  }
}
