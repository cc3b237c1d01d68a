namespace Ringcast.Realtime.Wire
{
	/// <summary>What is in a close frame: a code that may be on the wire, and a text.</summary>
	internal struct CloseFrame
	{
		public int Code;
		public string Reason;

		/// <summary>False: badCode says with which code to answer.</summary>
		public static bool TryRead(byte[] bytes, int start, int count, out CloseFrame close, out int badCode)
		{
			close.Code = CloseCode.None;
			close.Reason = "";
			badCode = CloseCode.Protocol;
			if (count == 0)
				return true;
			if (count == 1)
				return false;
			close.Code = bytes[start] << 8 | bytes[start + 1];
			if (!IsLegal(close.Code))
				return false;
			badCode = CloseCode.BadUtf8;
			return Utf8.TryDecode(bytes, start + 2, count - 2, out close.Reason);
		}

		public static bool IsLegal(int code)
		{
			return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
		}
	}
}
