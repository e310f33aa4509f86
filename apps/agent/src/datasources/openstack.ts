import type { Datasource, SeedMetadata } from './datasource.ts';
import { fieldAt, linesAt, textAt } from './json-fields.ts';
import { askBytes, askJson } from './metadata-http.ts';

const ASSET_TAGS = ['OpenTelekomCloud', 'SAP CCloud VM', 'OpenStack Nova', 'OpenStack Compute'];

/** OpenStack Nova, metadata service. */
export const openstack: Datasource = {
  name: 'openstack',
  isHere: (dmi) =>
    dmi.product_name.startsWith('OpenStack') ||
    dmi.sys_vendor.startsWith('OpenStack') ||
    ASSET_TAGS.includes(dmi.chassis_asset_tag),
  async fetch(context) {
    const base = `${context.endpoints.openstack}/openstack/latest`;
    const document = await askJson(context, `${base}/meta_data.json`);
    if (document === undefined) return undefined;
    return { userdata: await askBytes(context, `${base}/user_data`), metadata: openstackMetadata(document) };
  },
};

/** What `meta_data.json` says, from the service or from a config drive. */
export function openstackMetadata(document: unknown): SeedMetadata {
  return {
    instanceId: textAt(document, 'uuid'),
    hostname: textAt(document, 'hostname') ?? textAt(document, 'name'),
    sshKeys: linesAt(fieldAt(document, 'public_keys')),
  };
}
