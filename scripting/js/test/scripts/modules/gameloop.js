exports.name = 'loop';
