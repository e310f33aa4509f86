import type { Datasource } from './datasource.ts';
import { linesAt, textAt } from './json-fields.ts';
import { askJson } from './metadata-http.ts';

/** Google Compute Engine. */
export const gcp: Datasource = {
  name: 'gcp',
  isHere: (dmi) => dmi.product_name === 'Google Compute Engine' || dmi.sys_vendor === 'Google',
  async fetch(context) {
    const headers = { 'metadata-flavor': 'Google' };
    const base = `${context.endpoints.gcp}/computeMetadata/v1`;
    const instance = await askJson(context, `${base}/instance/?recursive=true&alt=json`, { headers });
    if (instance === undefined) return undefined;
    const project = await askJson(context, `${base}/project/attributes/?recursive=true&alt=json`, { headers });
    const blocks = textAt(instance, 'attributes', 'block-project-ssh-keys')?.toLowerCase() === 'true';
    const lines = [
      ...linesAt(textAt(instance, 'attributes', 'ssh-keys')),
      ...(blocks ? [] : linesAt(textAt(project, 'ssh-keys'))),
    ];
    const userdata = textAt(instance, 'attributes', 'user-data') ?? textAt(instance, 'attributes', 'userdata');
    const isPacked = textAt(instance, 'attributes', 'user-data-encoding') === 'base64';
    return {
      userdata: userdata === undefined ? undefined : Buffer.from(userdata, isPacked ? 'base64' : 'utf8'),
      metadata: {
        instanceId: textAt(instance, 'id'),
        hostname: textAt(instance, 'hostname')?.split('.')[0],
        sshKeys: lines.flatMap(keyOf),
      },
    };
  },
};

/** Lines are `user:key`; keys with an end (`google-ssh {"expireOn":...}`) are for the moment and are left out. */
function keyOf(line: string): string[] {
  const key = line.slice(line.indexOf(':') + 1);
  return key.includes('google-ssh') ? [] : [key];
}
