using System;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Threading.Tasks;

namespace Ringcast.Realtime.Link
{
	/// <summary>
	/// TLS by the platform, over bytes in memory. Each operation is begun, and asked in later polls whether it is done: one read and one write at a time, neither of
	/// which anybody waits for. By tasks, not by BeginRead: in Mono that waits for a write that is under way.
	/// </summary>
	internal sealed class SecureStream : ByteStream
	{
		private const int BufferBytes = 16384;

		private readonly CipherPipe pipe;
		private readonly SslStream ssl;
		private readonly byte[] readBuffer = new byte[BufferBytes], writeBuffer = new byte[BufferBytes];
		private readonly Task handshake;
		private Task<int> reading;
		private Task writing;
		private int readStart, readCount;
		private bool isReady, hasEnded;

		public SecureStream(Socket socket, string serverName, RemoteCertificateValidationCallback check)
		{
			pipe = new CipherPipe(new PlainStream(socket));
			ssl = new SslStream(pipe, false, check);
			handshake = ssl.AuthenticateAsClientAsync(serverName, null, SslProtocols.Tls12, false);
		}

		public override bool IsReady()
		{
			pipe.Pump();
			if (!isReady && handshake.IsCompleted) {
				handshake.GetAwaiter().GetResult();
				isReady = true;
			}
			return isReady;
		}

		public override int Read(byte[] bytes, int start, int count)
		{
			if (!IsReady())
				return WouldWait;
			if (readCount == 0 && !hasEnded)
				AdvanceRead();
			if (readCount == 0)
				return hasEnded ? 0 : WouldWait;
			int read = Math.Min(count, readCount);
			Buffer.BlockCopy(readBuffer, readStart, bytes, start, read);
			readStart += read;
			readCount -= read;
			return read;
		}

		private void AdvanceRead()
		{
			if (reading == null)
				reading = ssl.ReadAsync(readBuffer, 0, readBuffer.Length);
			if (!reading.IsCompleted)
				return;
			Task<int> done = reading;
			reading = null;
			readStart = 0;
			readCount = done.GetAwaiter().GetResult();
			hasEnded = readCount == 0;
		}

		public override int Write(byte[] bytes, int start, int count)
		{
			if (!IsReady() || !FinishWrite())
				return WouldWait;
			int written = Math.Min(count, writeBuffer.Length);
			Buffer.BlockCopy(bytes, start, writeBuffer, 0, written);
			writing = ssl.WriteAsync(writeBuffer, 0, written);
			pipe.Pump();
			return written;
		}

		/// <summary>The write before is done and with the system: what waits, waits in the send queue, which has a bound.</summary>
		private bool FinishWrite()
		{
			if (writing != null && !writing.IsCompleted)
				return false;
			Task done = writing;
			writing = null;
			if (done != null)
				done.GetAwaiter().GetResult();
			return pipe.IsIdle;
		}

		public override bool IsIdle()
		{
			pipe.Pump();
			return (writing == null || writing.IsCompleted) && pipe.IsIdle;
		}

		public override void Dispose()
		{
			ssl.Dispose();
		}
	}
}
