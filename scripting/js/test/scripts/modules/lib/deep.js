module.exports = require('../gameloop').name + ' from the deep';
