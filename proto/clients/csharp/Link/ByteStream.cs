using System;

namespace Ringcast.Realtime.Link
{
	/// <summary>A connected stream that never waits. A connection that is broken throws IOException or SocketException.</summary>
	internal abstract class ByteStream : IDisposable
	{
		public const int WouldWait = -1;

		/// <summary>Bytes may be written: encryption, if any, is agreed upon. To be asked again until it is so.</summary>
		public abstract bool IsReady();

		/// <summary>How many bytes came; 0: the other end has closed; WouldWait: none now.</summary>
		public abstract int Read(byte[] bytes, int start, int count);

		/// <summary>How many were taken; WouldWait: none now.</summary>
		public abstract int Write(byte[] bytes, int start, int count);

		/// <summary>What was taken is with the system: to close loses nothing of it.</summary>
		public abstract bool IsIdle();

		public abstract void Dispose();
	}
}
