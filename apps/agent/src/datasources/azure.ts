import type { Datasource } from './datasource.ts';
import { fieldAt, linesAt, textAt } from './json-fields.ts';
import { askJson } from './metadata-http.ts';

/** The first version of the service with user data. */
const VERSION = '2021-01-01';

/** Microsoft Azure, instance metadata service. Custom data on the provisioning disc is not read. */
export const azure: Datasource = {
  name: 'azure',
  // The same on every machine of Azure.
  isHere: (dmi) => dmi.chassis_asset_tag === '7783-7084-3265-9085-8269-3286-77',
  async fetch(context) {
    const url = `${context.endpoints.azure}/metadata/instance/compute?api-version=${VERSION}&format=json`;
    const compute = await askJson(context, url, { headers: { metadata: 'true' } });
    if (compute === undefined) return undefined;
    const userdata = textAt(compute, 'userData');
    return {
      userdata: userdata === undefined ? undefined : Buffer.from(userdata, 'base64'),
      metadata: {
        instanceId: textAt(compute, 'vmId'),
        hostname: textAt(compute, 'osProfile', 'computerName') ?? textAt(compute, 'name'),
        sshKeys: linesAt(fieldAt(compute, 'publicKeys'), 'keyData'),
      },
    };
  },
};
