// The cluster map: states by the order of the labs, links, and a drawing in which nothing overlaps.
import { describe, expect, test } from 'vitest';
import { clusterMap, type MapLab, PART_OF_LAB, stateOf } from '../../src/site/cluster-map.ts';
import { type MapBox, type MapLayout, TALL, WIDE } from '../../src/site/cluster-map-layout.ts';

const labs: MapLab[] = Object.entries(PART_OF_LAB).map(([id, part]) => ({
  id,
  part,
  href: `labs/${id}/index.html`,
}));

describe('stateOf()', () => {
  test.each([
    { name: 'the lab that is built is lit', lab: '03-scheduler', want: 'lit' },
    { name: 'an earlier one works', lab: '01-store', want: 'works' },
    { name: 'a later one comes later', lab: '05-kubelet', want: 'later' },
    { name: 'what no lab builds is given', lab: undefined, want: 'given' },
  ])('$name', ({ lab, want }) => {
    expect(stateOf(lab, '03-scheduler')).toBe(want);
  });

  test('without a lab that is built, all of them work', () => {
    expect(labs.map(({ id }) => stateOf(id, undefined))).toEqual(labs.map(() => 'works'));
  });
});

test('clusterMap() links every lab in both layouts and says its state in a class', () => {
  const map = clusterMap({ lang: 'en', labs, lit: '03-scheduler' }).toString();
  for (const { id, href } of labs) {
    expect(map.split(`href="${href}"`)).toHaveLength(3);
    expect(map).toContain(`data-lab="${id}"`);
  }
  expect(map.match(/class="map-part lit"/g)).toHaveLength(2);
  expect(map.match(/class="map-part works"/g)).toHaveLength(4);
  expect(map.match(/class="map-part later"/g)).toHaveLength(10);
});

test('clusterMap() speaks the language of its page', () => {
  expect(clusterMap({ lang: 'zh', labs }).toString()).toContain('控制面');
});

describe.each([WIDE, TALL])('layout $name', (layout: MapLayout) => {
  const inside = ({ x, y, width, height }: Omit<MapBox, 'part'>): boolean =>
    x >= 0 && y >= 0 && x + width <= layout.width && y + height <= layout.height;
  const overlap = (a: MapBox, b: MapBox): boolean =>
    a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

  test('has every part once', () => {
    const parts = layout.boxes.map(({ part }) => part).sort();
    expect(parts).toEqual([...Object.values(PART_OF_LAB), 'kubectl', 'pods'].sort());
  });

  test('keeps boxes and frames inside the picture', () => {
    expect([...layout.boxes, ...layout.frames].filter((box) => !inside(box))).toEqual([]);
  });

  test('lets no two boxes overlap', () => {
    const pairs = layout.boxes.flatMap((a, i) =>
      layout.boxes
        .slice(i + 1)
        .filter((b) => overlap(a, b))
        .map((b) => `${a.part} and ${b.part}`),
    );
    expect(pairs).toEqual([]);
  });
});
