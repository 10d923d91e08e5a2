// The style of the comparison's page: light and dark, narrow and wide. The devices' colours keep a
// contrast of 4.5 to their background and differ in lightness for those who do not see hues.
// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace pinnacle::bench {

inline constexpr const char* kPageStyle = R"css(
:root {
  --ground: #f6f7f9; --card: #ffffff; --text: #16202c; --muted: #4d5866; --edge: #d5dae1;
  --grid: #e6e9ee; --link: #0b57a4; --notice: #fff4d6; --notice-edge: #b98900; --bad: #a61b1b;
  --good: #0a6640;
  --d0: #0b5cad; --d1: #b3430a; --d2: #0b7a55; --d3: #8d3a86; --d4: #7a5a00; --d5: #0f7285;
  --d6: #4a4f57; --d7: #b5224f;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #10141a; --card: #181e26; --text: #e8ecf1; --muted: #a9b3c0; --edge: #36404d;
    --grid: #2a323d; --link: #84bfff; --notice: #3a2f10; --notice-edge: #d9ab2b; --bad: #ff9c94;
    --good: #6fd6a4;
    --d0: #6ab4ff; --d1: #ff9a5c; --d2: #45d3a2; --d3: #e59ae0; --d4: #e3c04a; --d5: #64d8ea;
    --d6: #c5cbd3; --d7: #ff8fab;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0; background: var(--ground); color: var(--text);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif;
}
main, header, footer { max-width: 76rem; margin: 0 auto; padding: 0 1rem; }
header { padding-top: 1.5rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.3rem; line-height: 1.25; margin: 0 0 .5rem; }
h3 { font-size: 1.05rem; margin: 1.25rem 0 .25rem; }
h1, h2, h3, p, li, dd, figcaption { overflow-wrap: anywhere; }
p { margin: .4rem 0; }
a { color: var(--link); }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1rem; list-style: none; margin: .75rem 0 0; padding: 0; }
.muted, figcaption, .meta { color: var(--muted); }
.meta, figcaption { font-size: .9rem; }
section {
  background: var(--card); border: 1px solid var(--edge); border-radius: .6rem; margin: 1rem 0;
  padding: 1.1rem 1.25rem;
}
.verdict { font-size: 1.15rem; line-height: 1.4; font-weight: 600; margin: .4rem 0 .75rem; padding: 0; list-style: none; }
.verdict li { margin: .3rem 0; }
.notice {
  background: var(--notice); border-left: .3rem solid var(--notice-edge); padding: .5rem .75rem;
  margin: 1rem 0 0; border-radius: .25rem;
}
.findings { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 21rem), 1fr)); gap: .25rem 2rem; }
.findings h3 { margin-top: .5rem; }
.claims, .reasons { margin: .2rem 0 .5rem; padding-left: 1.1rem; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 21rem), 1fr)); gap: 1.25rem 2rem; align-items: start; }
.plots > .plot { max-width: 33rem; min-width: 0; }
figure { margin: .75rem 0 0; }
svg { display: block; width: 100%; height: auto; overflow: hidden; }
svg.wide { max-width: 44rem; }
.side figure { display: grid; grid-template-columns: minmax(0, 44rem); gap: 1rem 2rem; align-items: start; }
svg text { font-size: 12.5px; fill: var(--text); white-space: pre; }
svg text.axis { fill: var(--muted); font-size: 11.5px; }
svg text.letter { font-weight: 700; }
svg text.block { font-weight: 600; }
@media (min-width: 1000px) {
  .side figure { grid-template-columns: minmax(0, 44rem) minmax(14rem, 1fr); }
}
@media (min-width: 760px) {
  svg.wide text { font-size: 8.5px; }
  svg.wide text.axis { font-size: 8px; }
}
.grid { stroke: var(--grid); stroke-width: 1; }
.frame { stroke: var(--muted); stroke-width: 1; }
.roof { stroke: var(--c, currentColor); stroke-width: 1.8; fill: none; }
.mark { fill: var(--c); stroke: var(--card); stroke-width: .8; }
.bar { fill: var(--c); }
.rest { --c: var(--muted); }
.whisker { stroke: var(--text); stroke-width: 1.2; fill: none; }
.ring { fill: none; stroke: var(--text); stroke-width: 1.6; }
.d0 { --c: var(--d0); } .d1 { --c: var(--d1); } .d2 { --c: var(--d2); } .d3 { --c: var(--d3); }
.d4 { --c: var(--d4); } .d5 { --c: var(--d5); } .d6 { --c: var(--d6); } .d7 { --c: var(--d7); }
.roof.d1, .d1 .roof { stroke-dasharray: 7 3; } .roof.d2, .d2 .roof { stroke-dasharray: 2 3; }
.roof.d3, .d3 .roof { stroke-dasharray: 9 3 2 3; } .roof.d4, .d4 .roof { stroke-dasharray: 12 4; }
.roof.d5, .d5 .roof { stroke-dasharray: 4 4; } .roof.d6, .d6 .roof { stroke-dasharray: 9 3 2 3 2 3; }
.roof.d7, .d7 .roof { stroke-dasharray: 1 4; }
.keys { display: flex; flex-wrap: wrap; gap: .2rem 1.25rem; list-style: none; padding: 0; margin: .5rem 0; }
.keys b, .tag { color: var(--c); font-weight: 700; }
details { margin: .6rem 0 0; }
summary { cursor: pointer; color: var(--link); }
.scroll { overflow-x: auto; max-width: 100%; margin: .5rem 0; }
.scroll:focus-visible, summary:focus-visible, a:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
table { border-collapse: collapse; font-size: .875rem; min-width: 100%; }
caption { text-align: left; color: var(--muted); padding: .2rem 0; }
th, td { padding: .3rem .7rem .3rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--edge); }
thead th { vertical-align: bottom; }
th { font-weight: 600; }
tbody th { font-weight: 500; min-width: 9rem; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; padding-left: .7rem; }
thead .n { white-space: normal; min-width: 6.5rem; }
small { display: block; color: var(--muted); font-size: .8rem; font-weight: 400; }
.better { color: var(--good); } .worse { color: var(--bad); }
.long { white-space: pre-wrap; overflow-wrap: anywhere; min-width: 16rem; max-width: 44rem; }
dl { display: grid; grid-template-columns: minmax(6rem, max-content) 1fr; gap: .2rem 1rem; margin: .5rem 0; }
dt { color: var(--muted); } dd { margin: 0; min-width: 0; }
footer { padding-bottom: 2rem; }
@media (max-width: 600px) {
  section { padding: .8rem .8rem; }
  .verdict { font-size: 1.05rem; }
  dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .4rem; }
}
@media print { section { break-inside: avoid; } }
)css";

}  // namespace pinnacle::bench
