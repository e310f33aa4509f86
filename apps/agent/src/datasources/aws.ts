import type { Datasource, DatasourceContext } from './datasource.ts';
import { linesAt } from './json-fields.ts';
import { askBytes, askText, oddAnswer } from './metadata-http.ts';

const TOKEN_SECONDS = '300';

/** Amazon EC2, instance metadata service version 2: every request needs a token of the session. */
export const aws: Datasource = {
  name: 'aws',
  isHere: (dmi) =>
    dmi.sys_vendor === 'Amazon EC2' || dmi.bios_vendor === 'Amazon EC2' || dmi.bios_version.includes('amazon'),
  async fetch(context) {
    const base = `${context.endpoints.aws}/latest`;
    const token = await askText(context, `${base}/api/token`, {
      method: 'PUT',
      headers: { 'x-aws-ec2-metadata-token-ttl-seconds': TOKEN_SECONDS },
    });
    if (token === undefined || !/^[\x21-\x7e]+$/.test(token)) throw oddAnswer('AWS', 'no token');
    const headers = { 'x-aws-ec2-metadata-token': token };
    return {
      userdata: await askBytes(context, `${base}/user-data`, { headers }),
      metadata: {
        instanceId: await askText(context, `${base}/meta-data/instance-id`, { headers }),
        hostname: await askText(context, `${base}/meta-data/local-hostname`, { headers }),
        sshKeys: await readKeys(context, `${base}/meta-data/public-keys`, headers),
      },
    };
  },
};

/** The list has lines like `0=name`; each key is below its number. */
async function readKeys(context: DatasourceContext, url: string, headers: Record<string, string>): Promise<string[]> {
  const keys: string[] = [];
  const list = (await askText(context, `${url}/`, { headers })) ?? '';
  for (const line of list.split('\n').slice(0, 32)) {
    const number = /^([0-9]+)=/.exec(line)?.[1];
    if (number !== undefined)
      keys.push(...linesAt(await askText(context, `${url}/${number}/openssh-key`, { headers })));
  }
  return keys;
}
