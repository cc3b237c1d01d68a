using System;
using System.Security.Cryptography;

namespace Ringcast.Realtime.Wire
{
	/// <summary>Masks of frames and the key of the upgrade: bytes that nobody between us and the server can foresee.</summary>
	internal sealed class MaskSource
	{
		private const int StockBytes = 256;

		private readonly RNGCryptoServiceProvider random = new RNGCryptoServiceProvider();
		private readonly byte[] stock = new byte[StockBytes];
		private int at = StockBytes;

		/// <summary>Four bytes, to this place.</summary>
		public void Take(byte[] bytes, int start)
		{
			if (at == StockBytes) {
				random.GetBytes(stock);
				at = 0;
			}
			Buffer.BlockCopy(stock, at, bytes, start, 4);
			at += 4;
		}

		public string TakeKey()
		{
			byte[] key = new byte[16];
			for (int i = 0; i < key.Length; i += 4)
				Take(key, i);
			return Convert.ToBase64String(key);
		}
	}
}
