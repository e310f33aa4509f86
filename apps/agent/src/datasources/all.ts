import { aws } from './aws.ts';
import { azure } from './azure.ts';
import { cdrom } from './cdrom.ts';
import { configDrive } from './config-drive.ts';
import type { Datasource, DatasourceName } from './datasource.ts';
import { digitalocean } from './digitalocean.ts';
import { file } from './file.ts';
import { gcp } from './gcp.ts';
import { hetzner } from './hetzner.ts';
import { metaldata } from './metaldata.ts';
import { nocloud } from './nocloud.ts';
import { openstack } from './openstack.ts';
import { packet } from './packet.ts';
import { scaleway } from './scaleway.ts';
import { vmware } from './vmware.ts';
import { vultr } from './vultr.ts';

/** Every source by its name in `providers`. */
export const DATASOURCES_BY_NAME: Readonly<Record<DatasourceName, Datasource>> = {
  ...{ aws, azure, cdrom, 'config-drive': configDrive, digitalocean, file, gcp, hetzner, metaldata, nocloud },
  ...{ openstack, packet, scaleway, vmware, vultr },
};
