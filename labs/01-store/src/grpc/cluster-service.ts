// ClusterService: etcd's service Cluster, for a cluster that has one member and will have one.
//
// Members cannot join: that needs consensus. The methods that would change them are Unimplemented.
// Upstream: etcd, etcdserver/api/v3rpc/member.go.
import type { Identity } from './identity.ts';
import type { ResponseContext } from './kv-responses.ts';
import { GrpcError } from './status.ts';

export interface MemberOptions extends ResponseContext {
  readonly identity: Identity;
  readonly name: string;
  readonly advertiseClientUrls: readonly string[];
  readonly advertisePeerUrls: readonly string[];
}

export function clusterService(options: MemberOptions) {
  const { identity, name, advertiseClientUrls, advertisePeerUrls, headerOf } = options;
  const oneMember = async () => {
    const text = 'etcdserver: this store is a cluster of one member, and others cannot join it';
    throw new GrpcError('UNIMPLEMENTED', text);
  };
  return {
    MemberList: async () => ({
      // Members are no matter of revisions: etcd gives none.
      header: { ...headerOf(0), revision: undefined },
      members: [
        {
          ID: identity.memberId,
          name,
          peerURLs: advertisePeerUrls,
          clientURLs: advertiseClientUrls,
        },
      ],
    }),
    MemberAdd: oneMember,
    MemberRemove: oneMember,
    MemberUpdate: oneMember,
    MemberPromote: oneMember,
  };
}
