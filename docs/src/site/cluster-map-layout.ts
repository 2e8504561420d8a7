// ClusterMapLayout: where the parts of the cluster stand on the map, as data. Two layouts, for a desk and for a phone.
//
// Coordinates are pixels at the size at which the text is meant to be read: the wide map is 880 across, the tall one 344, so neither
// is ever shown so small that its words cannot be read. A part that a lab builds names the part of lab.yaml (`store`), others none.

export type PartId =
  | 'store'
  | 'apiserver'
  | 'scheduler'
  | 'controllers'
  | 'kubelet'
  | 'proxy'
  | 'cadvisor'
  | 'cluster'
  | 'kubectl'
  | 'pods';

export interface MapBox {
  readonly part: PartId;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A frame around boxes: the control plane, a node. Its words are those of the map's language. */
export interface MapFrame {
  readonly label: 'controlPlane' | 'node1' | 'node2' | 'node3';
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Small: the node is there, its insides are those of node-1. */
  readonly folded?: boolean;
}

/** From where data comes to where it goes, as a polyline. */
export interface MapArrow {
  readonly points: string;
  readonly both?: boolean;
}

export interface MapLayout {
  readonly name: 'wide' | 'tall';
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly MapBox[];
  readonly frames: readonly MapFrame[];
  readonly arrows: readonly MapArrow[];
}

const box = (part: PartId, x: number, y: number, width: number, height = 60): MapBox => ({
  part,
  x,
  y,
  width,
  height,
});

export const WIDE: MapLayout = {
  name: 'wide',
  width: 880,
  height: 450,
  frames: [
    { label: 'controlPlane', x: 150, y: 16, width: 330, height: 370 },
    { label: 'node1', x: 536, y: 16, width: 328, height: 246 },
    { label: 'node2', x: 536, y: 282, width: 156, height: 104, folded: true },
    { label: 'node3', x: 708, y: 282, width: 156, height: 104, folded: true },
  ],
  boxes: [
    box('kubectl', 14, 172, 100, 64),
    box('store', 236, 56, 158),
    box('apiserver', 174, 172, 282, 64),
    box('scheduler', 174, 302, 132),
    box('controllers', 324, 302, 132),
    box('kubelet', 556, 58, 142),
    box('proxy', 556, 176, 142),
    box('cadvisor', 716, 58, 128),
    box('pods', 716, 144, 128, 96),
    box('cluster', 150, 400, 714, 40),
  ],
  arrows: [
    { points: '114,204 172,204' },
    { points: '315,170 315,118', both: true },
    { points: '240,300 240,238', both: true },
    { points: '390,300 390,238', both: true },
    { points: '458,190 506,190 506,88 554,88', both: true },
    { points: '458,206 554,206' },
    { points: '698,110 722,142' },
    { points: '714,88 700,88' },
    { points: '700,206 714,206' },
  ],
};

export const TALL: MapLayout = {
  name: 'tall',
  width: 344,
  height: 788,
  frames: [
    { label: 'controlPlane', x: 8, y: 92, width: 328, height: 296 },
    { label: 'node1', x: 8, y: 428, width: 328, height: 218 },
    { label: 'node2', x: 8, y: 660, width: 156, height: 64, folded: true },
    { label: 'node3', x: 180, y: 660, width: 156, height: 64, folded: true },
  ],
  boxes: [
    box('kubectl', 188, 8, 132, 52),
    box('store', 24, 124, 132),
    box('apiserver', 24, 216, 296, 56),
    box('scheduler', 24, 312, 132),
    box('controllers', 188, 312, 132),
    box('kubelet', 24, 466, 132),
    box('proxy', 24, 566, 132),
    box('cadvisor', 188, 466, 132),
    box('pods', 188, 548, 132, 80),
    box('cluster', 8, 738, 328, 42),
  ],
  arrows: [
    { points: '254,60 254,214' },
    { points: '90,214 90,186', both: true },
    { points: '90,310 90,274', both: true },
    { points: '254,310 254,274', both: true },
    { points: '172,274 172,506 158,506', both: true },
    { points: '172,500 172,586 158,586' },
    { points: '146,526 186,562' },
    { points: '186,482 158,482' },
    { points: '158,612 186,612' },
  ],
};
