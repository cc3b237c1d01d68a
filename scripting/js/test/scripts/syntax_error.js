exports.ssExports = {
  init: () => {},
  onMessage: (m) => {
    let x = ;
  },
};
