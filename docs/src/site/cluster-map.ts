// ClusterMap: the picture of the cluster, as inline SVG made by code. The part that is being built is lit, what works already is filled,
// what comes later is an outline; each part that a lab builds is a link to that lab.
//
// Rules of use: a state is a class on the part (`lit`, `works`, `later`, `given`), the colours are the style sheet's; the home page's script moves
// the classes to the lab that the reader was last in, by data-lab. Both layouts are in the page and the style sheet shows one: what
// is not displayed is not read aloud either. A part that no lab builds (kubectl, the pods) is `given`.
import {
  type MapBox,
  type MapFrame,
  type MapLayout,
  type PartId,
  TALL,
  WIDE,
} from './cluster-map-layout.ts';
import { type Html, html } from './html.ts';
import type { Lang } from './page.ts';
import { say, sayLab } from './ui.ts';

export type PartState = 'lit' | 'works' | 'later' | 'given';

/** A lab as the map needs it: which part it builds, and where its page is. */
export interface MapLab {
  readonly id: string;
  readonly part: PartId;
  readonly href: string;
}

export interface MapOptions {
  readonly lang: Lang;
  readonly labs: readonly MapLab[];
  /** The lab whose part is lit. Without it the cluster is complete: everything works. */
  readonly lit?: string;
}

const NAMES: Readonly<Record<PartId, Readonly<Record<Lang, string>>>> = {
  store: { en: 'store', zh: '存储 store' },
  apiserver: { en: 'API server', zh: 'API server' },
  scheduler: { en: 'scheduler', zh: '调度器' },
  controllers: { en: 'controllers', zh: '控制器' },
  kubelet: { en: 'kubelet', zh: 'kubelet' },
  proxy: { en: 'proxy, DNS', zh: '代理与 DNS' },
  cadvisor: { en: 'cAdvisor', zh: 'cAdvisor' },
  cluster: { en: 'full cluster', zh: '完整集群' },
  kubectl: { en: 'kubectl', zh: 'kubectl' },
  pods: { en: 'pods', zh: '容器组 pods' },
};

const FRAME_NAMES: Readonly<Record<MapFrame['label'], Readonly<Record<Lang, string>>>> = {
  controlPlane: { en: 'control plane', zh: '控制面' },
  node1: { en: 'node-1', zh: '节点 node-1' },
  node2: { en: 'node-2', zh: '节点 node-2' },
  node3: { en: 'node-3', zh: '节点 node-3' },
};

/** What each folder below labs/ builds, for labs that have no lab.yaml to say it. */
export const PART_OF_LAB: Readonly<Record<string, PartId>> = {
  '01-store': 'store',
  '02-apiserver': 'apiserver',
  '03-scheduler': 'scheduler',
  '04-controllers': 'controllers',
  '05-kubelet': 'kubelet',
  '06-proxy': 'proxy',
  '07-cadvisor': 'cadvisor',
  '08-full-cluster': 'cluster',
};

/** Labs are built in the order of their numbers: what is before the lit one works, what is behind it comes later. */
export function stateOf(lab: string | undefined, lit: string | undefined): PartState {
  if (lab === undefined) return 'given';
  if (lit === undefined) return 'works';
  if (lab === lit) return 'lit';
  return lab < lit ? 'works' : 'later';
}

export function clusterMap(options: MapOptions): Html {
  return html`<figure class="map" aria-label="${say(options.lang, 'map')}">
${[WIDE, TALL].map((layout) => drawing(layout, options))}
<figcaption>${legend(options.lang)}</figcaption></figure>`;
}

function legend(lang: Lang): Html {
  const entries = [
    ['lit', 'mapLit'],
    ['works', 'mapWorks'],
    ['later', 'mapLater'],
    ['given', 'mapGiven'],
  ] as const;
  return html`<ul class="map-legend">${entries.map(
    ([state, key]) => html`<li><span class="swatch ${state}"></span>${say(lang, key)}</li>`,
  )}</ul>`;
}

function drawing(layout: MapLayout, options: MapOptions): Html {
  const { name, width, height } = layout;
  const tip = `map-tip-${name}`;
  return html`<svg class="map-${name}" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="group" aria-label="${say(options.lang, 'map')}">
<defs><marker id="${tip}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse"><path class="map-tip" d="M0,0.8 L7,4 L0,7.2 Z"/></marker></defs>
${layout.frames.map((frame) => drawFrame(frame, options.lang))}
${layout.arrows.map(
  ({ points, both }) =>
    html`<polyline class="map-arrow" points="${points}" marker-end="url(#${tip})"${both && html` marker-start="url(#${tip})"`}/>`,
)}
${layout.boxes.map((entry) => drawBox(entry, options))}
</svg>`;
}

function drawFrame({ label, x, y, width, height, folded }: MapFrame, lang: Lang): Html {
  return html`<g class="map-frame"><rect x="${x}" y="${y}" width="${width}" height="${height}" rx="12"/>
<text class="map-frame-name" x="${x + 16}" y="${y + 25}">${FRAME_NAMES[label][lang]}</text>${folded && podDots(x + 16, y + height - 26, width - 32)}</g>`;
}

/** A node in short: three small pods. */
function podDots(x: number, y: number, width: number): Html {
  return html`${[0, 1, 2].map(
    (index) =>
      html`<rect class="map-pod" x="${x + (index * width) / 3}" y="${y}" width="${width / 3 - 8}" height="14" rx="4"/>`,
  )}`;
}

function drawBox(entry: MapBox, options: MapOptions): Html {
  const { lang } = options;
  const lab = options.labs.find(({ part }) => part === entry.part);
  const state = stateOf(lab?.id, options.lit);
  const shape = boxShape(entry, lang, lab);
  if (lab === undefined) return html`<g class="map-part ${state}">${shape}</g>`;
  return html`<a class="map-part ${state}" href="${lab.href}" data-lab="${lab.id}" aria-label="${sayLab(lang, lab)}: ${NAMES[entry.part][lang]}">${shape}</a>`;
}

function boxShape({ part, x, y, width, height }: MapBox, lang: Lang, lab?: MapLab): Html {
  const middle = x + width / 2;
  const isPods = part === 'pods';
  const nameY = isPods ? y + 26 : y + height / 2 + (lab && height >= 50 ? -3 : 5);
  const below = lab && height >= 50;
  return html`<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="8"/>
<text class="map-name" x="${middle}" y="${nameY}" text-anchor="middle">${NAMES[part][lang]}${lab && !below && ` · ${sayLab(lang, lab)}`}</text>${
    below &&
    html`<text class="map-lab" x="${middle}" y="${nameY + 19}" text-anchor="middle">${sayLab(lang, lab)}</text>`
  }${isPods && podDots(x + 16, y + height - 30, width - 24)}`;
}
